# SPDX-License-Identifier: Apache-2.0
"""How often the mini cloud's Heat looks at what it waits for; Heat itself is not installed here."""

import importlib.util
import pathlib
import sys
import time
import types
from typing import Any

import pytest

from minicloud import services

PLUGIN = pathlib.Path(services.__file__).parent / "plugins" / "heat" / "minicloud_pace.py"


class HeatsOwn:
    """What the plugin takes the place of: a task that sleeps when it is told to."""

    slept: list[float | None]

    def _sleep(self, wait_time: float | None) -> None:
        self.slept.append(wait_time)


@pytest.fixture
def task(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A task of Heat's as the plugin leaves it, at a clock that only its sleeps move on."""
    scheduler: Any = types.ModuleType("heat.engine.scheduler")
    scheduler.TaskRunner = HeatsOwn
    engine: Any = types.ModuleType("heat.engine")
    engine.scheduler = scheduler
    monkeypatch.setitem(sys.modules, "heat.engine", engine)
    spec = importlib.util.spec_from_file_location("minicloud_pace", PLUGIN)
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    task = scheduler.TaskRunner()
    task.slept = []
    monkeypatch.setattr(time, "monotonic", lambda: sum(filter(None, task.slept)))
    return task


def test_heat_looks_soon_at_first_and_later_as_seldom_as_ever(task: Any) -> None:
    for _ in range(20):
        task._sleep(1)

    assert task.slept[:4] == [0.2] * 4
    assert task.slept == sorted(task.slept)
    assert task.slept[-1] == 1
    late = [nap for end, nap in enumerate(task.slept) if sum(task.slept[:end]) < 2]
    assert max(late) < 0.5


def test_heats_own_pauses_that_are_shorter_stay(task: Any) -> None:
    for wait in (0, None, 0.1):
        task._sleep(wait)

    assert task.slept == [0, None, 0.1]


def test_heat_that_runs_with_another_pace_is_out_of_date() -> None:
    engine = services.find("heat-engine")
    folder = pathlib.Path(services.__file__).parent
    assert PLUGIN in {path for pattern in engine.sources for path in folder.glob(pattern)}
