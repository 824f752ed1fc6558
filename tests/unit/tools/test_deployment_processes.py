# SPDX-License-Identifier: Apache-2.0
"""How a deployment's processes come to their end."""

import pathlib
import sys
from collections.abc import Iterator

import pytest

from deployment.cloud import Cloud
from deployment.processes import Process
from deployment.service import Deployment

# Ends when all of its kind have been asked to; its status is how often it was asked itself.
SOCIABLE = """\
import pathlib, signal, sys, time
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(pathlib.Path(sys.argv[1]).touch()))
pathlib.Path(sys.argv[1] + "-ready").touch()
while not all(pathlib.Path(name).exists() for name in ("one", "two")):
    time.sleep(0.02)
sys.exit(len(asked))
"""


@pytest.fixture
def deployment(tmp_path: pathlib.Path) -> Iterator[Deployment]:
    made = Deployment(Cloud(tmp_path, {}), tmp_path, tmp_path, "magnum_unit")
    processes = [
        Process(name, [sys.executable, "-c", SOCIABLE, name], tmp_path) for name in ("one", "two")
    ]
    made.processes += processes
    for process in processes:
        process.wait_until((tmp_path / f"{process.name}-ready").exists)
    yield made
    for process in processes:
        process.kill()


def test_processes_are_all_asked_to_end_before_one_is_waited_for(deployment: Deployment) -> None:
    processes = list(deployment.processes)

    deployment.stop()

    assert [process.stop() for process in processes] == [1, 1]
    assert deployment.processes == []


def test_process_is_asked_to_end_once(deployment: Deployment, tmp_path: pathlib.Path) -> None:
    one, _ = deployment.processes

    for _ in range(3):
        one.ask_to_stop()
    (tmp_path / "two").touch()

    assert one.stop() == 1
