# SPDX-License-Identifier: Apache-2.0
"""Figures of several processes, put together; each is a process of its own, as workers are."""

import os
import pathlib
import re
import subprocess
import sys
import textwrap

import pytest
from oslo_config import cfg

from magnum.core.errors import Misconfigured
from magnum.metrics import listener, workers

WORKER = """
    import sys
    from magnum.metrics import instruments, workers
    workers.join(sys.argv[1])
    instruments.enable(instruments.API)
    instruments.API_REQUESTS.inc("GET", "/v1/bays", "200")
    instruments.API_IN_FLIGHT.inc()
    print("counted", flush=True)
    sys.stdin.read()
"""
READER = """
    import sys
    from magnum.metrics import listener, workers
    workers.join(sys.argv[1])
    print(listener.exposition(workers.together(), "").body.decode())
"""
REQUESTS = 'magnum_api_requests_total{method="GET",route="/v1/bays",status="200"}'


class Worker:
    """A process that has counted one request, and has one in flight, until it is ended."""

    def __init__(self, directory: pathlib.Path) -> None:
        command = [sys.executable, "-c", textwrap.dedent(WORKER), str(directory)]
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._child.stdout is not None
        assert self._child.stdout.readline() == "counted\n"

    def kill(self) -> None:
        self._child.kill()
        self._child.communicate()


def read(directory: pathlib.Path) -> dict[str, float]:
    """Return what a worker would answer."""
    command = [sys.executable, "-c", textwrap.dedent(READER), str(directory)]
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return {name: float(figure) for name, figure in re.findall(r"(?m)^(magnum\S+) (\S+)$", told)}


def test_workers_are_summed_up_and_the_dead_are_in_nothing_now(tmp_path: pathlib.Path) -> None:
    directory = tmp_path / "metrics"
    first, second = Worker(directory), Worker(directory)
    seen = read(directory)
    assert (seen[REQUESTS], seen["magnum_api_requests_in_flight"]) == (2, 2)
    first.kill()
    seen = read(directory)
    assert (seen[REQUESTS], seen["magnum_api_requests_in_flight"]) == (2, 1)
    second.kill()
    assert read(directory) == {}, "who finds nobody begins anew"
    assert directory.stat().st_mode & 0o077 == 0


def test_a_server_of_its_own_has_a_directory_while_it_runs(
    conf: cfg.ConfigOpts, monkeypatch: pytest.MonkeyPatch, loopback: None
) -> None:
    monkeypatch.setenv(workers.VARIABLE, "")
    conf.set_override("api_port", 0, "metrics")
    with workers.common(conf):
        assert not os.environ[workers.VARIABLE], "no port, no directory"
    conf.set_override("api_port", free_port(), "metrics")
    with workers.common(conf):
        made = pathlib.Path(os.environ[workers.VARIABLE])
        assert made.stat().st_mode & 0o077 == 0
        (made / "counter_1.db").touch()
    assert not made.exists()


def free_port() -> int:
    found = listener.Listener("127.0.0.1", [0], "api_port", {})
    found._server.server_close()
    return found.port


def test_worker_that_ends_leaves_the_directory(
    conf: cfg.ConfigOpts, monkeypatch: pytest.MonkeyPatch, loopback: None
) -> None:
    monkeypatch.setenv(workers.VARIABLE, "")
    conf.set_override("api_port", free_port(), "metrics")
    genuine = os.getpid
    with workers.common(conf):
        made = pathlib.Path(os.environ[workers.VARIABLE])
        monkeypatch.setattr(os, "getpid", lambda: genuine() + 1)
    assert made.exists()
    made.rmdir()


def test_port_that_is_taken_is_told(conf: cfg.ConfigOpts, loopback: None) -> None:
    other = listener.Listener("127.0.0.1", [0], "api_port", {}, shared=True)
    other.start()
    conf.set_override("api_port", other.port, "metrics")
    said = rf"change \[metrics\] host or api_port. Port {other.port}: Address already in use\.$"
    with pytest.raises(Misconfigured, match=said), workers.common(conf):
        pytest.fail("it went on")
    other.close()


@pytest.mark.parametrize(
    ("directory", "said"),
    [
        (None, r"^\[metrics\] directory must be set where another server than magnum-api"),
        (
            "/proc/metrics",
            r"^\[metrics\] directory is /proc/metrics, which cannot be used: No such",
        ),
    ],
)
def test_directory_that_cannot_be_used_is_told(directory: str | None, said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        workers.join(directory)


def test_several_of_one_server_share_a_directory_that_is_given(
    conf: cfg.ConfigOpts,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    loopback: None,
) -> None:
    monkeypatch.setenv(workers.VARIABLE, "")
    conf.set_override("api_port", free_port(), "metrics")
    conf.set_override("directory", str(tmp_path / "given"), "metrics")
    with workers.common(conf):
        assert os.environ[workers.VARIABLE] == str(tmp_path / "given")
    assert (tmp_path / "given").is_dir()
    os.close(workers._held.pop())


def test_who_is_not_to_count_does_not(conf: cfg.ConfigOpts) -> None:
    assert not workers.are_counted(conf)
    conf.set_override("api_port", 9513, "metrics")
    assert workers.are_counted(conf)
    conf.set_override("enabled", False, "metrics")
    assert not workers.are_counted(conf)
