# SPDX-License-Identifier: Apache-2.0
"""The mini cloud's decisions, without any service: settings, configuration, processes, stamps."""

import dataclasses
import ipaddress
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from minicloud import cli, commands, configs, databases, processes, report, services, settings
from minicloud.processes import Processes
from minicloud.real_nodes import ability, cgroups
from minicloud.settings import Settings, SettingsError
from minicloud.stamps import Stamps, digest

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def cloud(tmp_path: pathlib.Path) -> Settings:
    return settings.resolve(tmp_path, {})


@pytest.fixture
def daemons(tmp_path: pathlib.Path) -> Iterator[Processes]:
    for folder in ("run", "var"):
        (tmp_path / folder).mkdir()
    daemons = Processes(tmp_path)
    yield daemons
    daemons.stop(daemons.recorded(), patience=2)


def test_settings_when_saved_are_found_again_and_private(cloud: Settings) -> None:
    settings.save(cloud)

    assert settings.load(cloud.prefix) == cloud
    assert (cloud.prefix / "settings.json").stat().st_mode & 0o777 == 0o600


def test_settings_when_databases_exist_refuse_another_address(cloud: Settings) -> None:
    settings.save(cloud)
    (cloud.prefix / "var" / "mariadb").mkdir(parents=True)

    with pytest.raises(SettingsError, match=r"198\.19\.0\.1;"):
        settings.resolve(cloud.prefix, {"address": "198.19.0.7"})


def test_settings_when_options_are_given_later_keep_the_secret(cloud: Settings) -> None:
    settings.save(cloud)

    changed = settings.resolve(cloud.prefix, {"token_expiration": 60, "ports": {"magnum": 9999}})

    assert (changed.token_expiration, changed.ports["magnum"]) == (60, 9999)
    assert changed.password("admin") == cloud.password("admin")


def test_settings_when_address_is_none_are_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(SettingsError):
        Settings(tmp_path, address="nowhere")


def test_two_clouds_share_no_port_that_ignores_the_address(tmp_path: pathlib.Path) -> None:
    one, other = (Settings(tmp_path, address=f"198.19.0.{n}") for n in (1, 2))

    for name in ("epmd", "rabbitmq-dist"):
        assert one.ports[name] != other.ports[name]


def test_passwords_differ_from_account_to_account(cloud: Settings) -> None:
    users = (*configs.SERVICE_USERS, "admin", "demo", "db-magnum", "rabbitmq")

    assert len({cloud.password(user) for user in users}) == len(users)


@pytest.mark.parametrize(
    "template", sorted({t for files in configs.FILES.values() for t, _ in files})
)
def test_templates_use_only_known_names(cloud: Settings, template: str) -> None:
    import string

    text = string.Template((configs.TEMPLATES / template).read_text())

    rendered = text.substitute(configs.facts(cloud))

    assert "127.0.0.1" not in rendered
    assert "localhost" not in rendered


def test_no_service_listens_on_two_ports_or_shares_one() -> None:
    ports = [service.port for service in services.SERVICES if service.port]

    assert len(set(ports)) == len(ports)


def test_environment_of_a_service_holds_nothing_of_the_shell(
    cloud: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_PASSWORD", "of somebody")

    assert "OS_PASSWORD" not in services.environment(cloud)


def test_external_range_holds_no_address_of_the_services(cloud: Settings) -> None:
    network = ipaddress.IPv4Network(cloud.external_range)

    assert ipaddress.IPv4Address(cloud.address) not in network


def test_start_when_it_runs_already_does_nothing(
    daemons: Processes, tmp_path: pathlib.Path
) -> None:
    daemons.start("one", SLEEPER, dict(os.environ), tmp_path / "log")
    first = daemons.leader("one")
    daemons.start("one", SLEEPER, dict(os.environ), tmp_path / "log")

    assert first is not None
    assert daemons.leader("one") == first


def test_leader_when_the_pid_is_someone_elses_is_none(
    daemons: Processes, tmp_path: pathlib.Path
) -> None:
    daemons.start("one", SLEEPER, dict(os.environ), tmp_path / "log")
    record = tmp_path / "run" / "one.pid"
    boot, _, began = record.read_text().split()
    record.write_text(f"{boot} {os.getpid()} {began}")

    assert daemons.leader("one") is None


def test_stop_when_the_record_names_someone_else_spares_him(
    daemons: Processes, tmp_path: pathlib.Path
) -> None:
    stranger = subprocess.Popen(SLEEPER)
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    (tmp_path / "run" / "one.pid").write_text(f"{boot} {stranger.pid} 1")

    daemons.stop(["one"], patience=1)

    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_stop_ends_helpers_that_left_the_session(
    daemons: Processes, tmp_path: pathlib.Path
) -> None:
    helper = "import os, time; os.fork() or os.setsid(); time.sleep(60)"
    daemons.start("one", [sys.executable, "-c", helper], dict(os.environ), tmp_path / "log")
    deadline = time.monotonic() + 10
    while len(daemons.members(["one"])["one"]) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)

    daemons.stop(["one"], patience=2)

    assert daemons.members(["one"])["one"] == []


def test_start_when_the_starter_dies_before_recording_runs_nothing(tmp_path: pathlib.Path) -> None:
    # What the child does when its parent is gone: end of file instead of the word to go.
    child = subprocess.run(
        ["/bin/sh", "-c", processes._WAIT_FOR_GO, "sh", "touch", str(tmp_path / "ran")],
        stdin=subprocess.DEVNULL,
        check=False,
    )

    assert child.returncode != 0
    assert not (tmp_path / "ran").exists()


def test_start_time_of_a_zombie_is_none() -> None:
    child = subprocess.Popen(["true"])
    deadline = time.monotonic() + 5
    while processes.start_time(child.pid) is not None and time.monotonic() < deadline:
        time.sleep(0.01)

    assert processes.start_time(child.pid) is None
    child.wait()


def test_command_when_it_fails_tells_the_end_of_its_output(tmp_path: pathlib.Path) -> None:
    with pytest.raises(commands.CommandError, match="it broke"):
        commands.run(["sh", "-c", "echo it broke; exit 3"], tmp_path / "log")


def test_command_when_up_is_killed_dies_too(tmp_path: pathlib.Path) -> None:
    program = (
        "import pathlib; from minicloud import commands; "
        f"commands.run(['sh', '-c', 'echo $$ > {tmp_path}/pid; exec sleep 60'], "
        f"pathlib.Path('{tmp_path}/log'))"
    )
    library = str(pathlib.Path(commands.__file__).parent.parent)
    parent = subprocess.Popen([sys.executable, "-c", program], env={"PYTHONPATH": library})
    note = tmp_path / "pid"
    deadline = time.monotonic() + 10
    while not (note.exists() and note.read_text().strip()) and time.monotonic() < deadline:
        time.sleep(0.05)
    child = int(note.read_text())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while processes.start_time(child) is not None and time.monotonic() < deadline:
        time.sleep(0.05)

    assert processes.start_time(child) is None


def test_stamp_when_the_input_changes_is_stale(tmp_path: pathlib.Path) -> None:
    stamps = Stamps(tmp_path / "stamps")
    stamps.set("venv", digest("one"))

    assert stamps.fresh("venv", digest("one"))
    assert not stamps.fresh("venv", digest("two"))
    stamps.clear("venv")
    assert not stamps.fresh("venv", digest("one"))


def test_services_of_real_nodes_belong_to_clouds_that_have_some(tmp_path: pathlib.Path) -> None:
    plain = settings.resolve(tmp_path, {})
    real = settings.resolve(tmp_path, {"real_nodes": True})

    more = {*services.REAL_NODES, *services.VOLUMES}
    assert set(services.wanted(real)) - set(services.wanted(plain)) == more
    assert set(databases.wanted(real)) - set(databases.wanted(plain)) == {databases.CINDER}
    assert "stand-in" in report.nodes(plain)
    assert "fedora-atomic-real" in report.nodes(real)


def test_settings_of_a_cloud_from_before_real_nodes_get_their_ports(cloud: Settings) -> None:
    old = {name: port for name, port in cloud.ports.items() if name not in {"registry", "mirror"}}

    assert Settings(cloud.prefix, ports=old).ports == cloud.ports


def test_real_nodes_are_done_without_where_they_cannot_run(
    cloud: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(ability, "reason_against", lambda: "that takes root")
    wanted = dataclasses.replace(cloud, real_nodes=True)

    assert cli._without_nodes_if_must_be(wanted) == cloud
    assert "that takes root" in capsys.readouterr().out


def test_machine_without_loop_devices_runs_no_real_nodes(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda program: program)
    groups = [pathlib.Path(name) for name in cgroups.NEEDED]
    monkeypatch.setattr(cgroups, "hierarchies", lambda: groups)
    monkeypatch.setattr(ability, "_writable", lambda hierarchy: True)
    monkeypatch.setattr(ability, "_trial", lambda: None)
    loops = tmp_path / "loop-control"
    monkeypatch.setattr(ability, "LOOP_CONTROL", loops)

    assert "loop devices" in str(ability.reason_against())
    loops.touch()
    assert ability.reason_against() is None
