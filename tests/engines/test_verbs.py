# SPDX-License-Identifier: Apache-2.0
"""Every verb of containers on real engines."""

import time

import pytest

from magnum.core import errors
from tests.engines.bay import Bay


def code_of(error: pytest.ExceptionInfo[errors.Told]) -> int:
    return error.value.code


def test_container_lives_from_create_to_delete(bay: Bay) -> None:
    uuid = bay.create(memory="64m", environment={"GREETING": "hello"})
    assert bay.status(uuid) == ("Stopped", None)
    row = bay.row(uuid)
    assert row is not None
    with bay.docker_of(uuid) as client:
        found = client.inspect_container(row.docker_id)
    assert found["Config"]["Hostname"] == uuid
    assert found["Name"] == f"/{row.name}"
    assert found["HostConfig"]["Memory"] == 64 * 2**20
    assert "GREETING=hello" in found["Config"]["Env"]

    for verb, status in (
        ("start", "Running"),
        ("start", "Running"),  # a double start is no error
        ("pause", "Paused"),
        ("unpause", "Running"),
        ("reboot", "Running"),
        ("stop", "Stopped"),
    ):
        assert bay.call(verb, uuid) is None
        assert bay.status(uuid)[0] == status, verb
        row = bay.row(uuid)
        assert row is not None
        assert row.status == status, verb
    assert bay.call("delete", uuid) is None
    assert bay.row(uuid) is None
    assert bay.copies(uuid) == 0


def test_container_without_a_name_is_called_by_its_uuid(bay: Bay) -> None:
    uuid = bay.create(name=None, command=None)
    with bay.docker_of(uuid) as client:
        assert client.inspect_container(uuid)["Config"]["Cmd"] == ["sleep", "1000"]


def test_logs_have_both_outputs_and_are_bounded(bay: Bay) -> None:
    bay.conf.set_override("output_size", 1024, "docker")
    bay.conf.set_override("logs_tail", 3, "docker")
    command = r"""sh -c "seq 100; sleep .3; printf '\377last\n'; sleep .3; echo wrong >&2" """
    uuid = bay.create(command=command)
    bay.call("start", uuid)
    until_stopped(bay, uuid)
    lines = bay.call("logs", uuid)["output"].splitlines()
    assert lines == ["100", "\N{REPLACEMENT CHARACTER}last", "wrong"]
    bay.conf.set_override("logs_tail", 1000000, "docker")
    assert len(bay.call("logs", uuid)["output"]) < 1024


def test_command_is_executed_with_its_exit_code(bay: Bay) -> None:
    uuid = bay.create()
    bay.call("start", uuid)
    done = bay.call("exec", uuid, """sh -c "hostname; echo 'a  b' >&2; exit 7" """)
    assert done["exit_code"] == 7
    assert sorted(done["output"].splitlines()) == sorted([uuid, "a  b"])
    assert bay.call("exec", uuid, "true") == {"output": "", "exit_code": 0}
    missing = bay.call("exec", uuid, "no-such-program")
    assert missing["exit_code"] in (126, 127)
    assert "no-such-program" in missing["output"]


def test_output_of_a_command_is_bounded(bay: Bay) -> None:
    bay.conf.set_override("output_size", 1024, "docker")
    uuid = bay.create()
    bay.call("start", uuid)
    assert len(bay.call("exec", uuid, "seq 10000")["output"]) == 1024
    endless = bay.call("exec", uuid, "yes")
    assert endless == {"output": "y\n" * 512, "exit_code": None}


def test_command_that_does_not_end_is_given_up(bay: Bay) -> None:
    uuid = bay.create()
    bay.call("start", uuid)
    began = time.monotonic()
    with pytest.raises(errors.Told, match="The command has not ended in time") as error:
        bay.call("exec", uuid, "sleep 100")
    assert code_of(error) == 504
    assert time.monotonic() - began < 8


def test_state_that_does_not_allow_a_verb_is_a_conflict(bay: Bay) -> None:
    uuid = bay.create()
    for verb, command in (("exec", "true"), ("pause", None), ("unpause", None)):
        with pytest.raises(errors.Told) as error:
            bay.call(verb, uuid, command)
        assert code_of(error) == 409, verb
    bay.call("start", uuid)
    with pytest.raises(errors.Told, match="cannot remove a running container") as error:
        bay.call("delete", uuid)
    assert code_of(error) == 409
    assert bay.status(uuid)[0] == "Running"


def test_command_that_cannot_be_started_is_told(bay: Bay) -> None:
    uuid = bay.create(command="no-such-program")
    with pytest.raises(errors.Told, match="no-such-program") as error:
        bay.call("start", uuid)
    assert code_of(error) == 400
    for status, reason in (bay.status(uuid), bay.statuses(uuid)[uuid]):
        assert status == "Error"
        assert "no-such-program" in str(reason)
    bay.call("delete", uuid)


def test_what_a_command_ended_with_is_told(bay: Bay) -> None:
    uuid = bay.create(command="sh -c 'exit 3'")
    bay.call("start", uuid)
    until_stopped(bay, uuid)
    told = ("Stopped", "Its command has ended with exit code 3.")
    assert bay.status(uuid) == told
    assert bay.statuses(uuid)[uuid] == told


def test_container_that_is_not_there_is_not_found(bay: Bay) -> None:
    for verb in ("show", "start", "delete", "create"):
        if verb == "create":
            assert bay.call(verb, "00000000-0000-4000-8000-000000000000") is None
            continue
        with pytest.raises(errors.Told) as error:
            bay.call(verb, "00000000-0000-4000-8000-000000000000")
        assert code_of(error) == 404


def until_stopped(bay: Bay, uuid: str) -> None:
    deadline = time.monotonic() + 10
    while bay.status(uuid)[0] != "Stopped":
        assert time.monotonic() < deadline
        time.sleep(0.05)
