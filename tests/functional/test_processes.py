# SPDX-License-Identifier: Apache-2.0
"""What runs inside the running services."""

import pathlib
import time

import pytest

from deployment.service import Deployment
from tests.functional.bays import Bays


def _modules(folder: pathlib.Path, pid: int) -> set[str]:
    """Return the modules that a process has now; it writes them down about once a second."""
    file = folder / f"{pid}.modules"
    asked = time.time()
    deadline = time.monotonic() + 30
    while not file.exists() or file.stat().st_mtime < asked:
        assert time.monotonic() < deadline, f"process {pid} has not written its modules"
        time.sleep(0.2)
    return set(file.read_text().splitlines())


def test_no_process_has_eventlet(
    deployment: Deployment, modules: pathlib.Path, bays: Bays, model: str
) -> None:
    bay = bays.create(model)
    bays.wait_for(bay, "CREATE_COMPLETE")
    bays.delete(bay)
    bays.wait_until_gone(bay)
    pids = [pid for process in deployment.processes for pid in process.family()]
    assert len(pids) >= 4, "an API with a worker at least, and two conductors"
    for pid in pids:
        loaded = _modules(modules, pid)
        assert "magnum" in loaded
        assert not {name for name in loaded if name.partition(".")[0] == "eventlet"}


@pytest.mark.parametrize("part", ["magnum.api", "magnum.conductor"])
def test_the_look_into_processes_sees_what_they_have(
    part: str, deployment: Deployment, modules: pathlib.Path
) -> None:
    """Or the test above would pass by looking at nothing."""
    pids = [pid for process in deployment.processes for pid in process.family()]
    assert any(part in _modules(modules, pid) for pid in pids)
