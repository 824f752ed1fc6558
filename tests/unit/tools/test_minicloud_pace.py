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


class Clock:
    """A clock that only sleeps move on."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def now(self) -> float:
        return sum(self.slept)


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Heat's module of tasks as the plugin leaves it."""
    scheduler: Any = types.ModuleType("heat.engine.scheduler")
    scheduler.TaskRunner = type("TaskRunner", (), {})
    scheduler.ENABLE_SLEEP = True
    engine: Any = types.ModuleType("heat.engine")
    engine.scheduler = scheduler
    monkeypatch.setitem(sys.modules, "heat.engine", engine)
    spec = importlib.util.spec_from_file_location("minicloud_pace", PLUGIN)
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return scheduler


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock.now)
    monkeypatch.setattr(time, "sleep", clock.sleep)
    return clock


def test_heat_looks_soon_at_first_and_later_as_seldom_as_ever(scheduler: Any, clock: Clock) -> None:
    task = scheduler.TaskRunner()
    for _ in range(20):
        task._sleep(1)

    assert clock.slept[:4] == [0.2] * 4
    assert clock.slept == sorted(clock.slept)
    assert clock.slept[-1] == 1
    late = [nap for end, nap in enumerate(clock.slept) if sum(clock.slept[:end]) < 2]
    assert max(late) < 0.5


def test_heats_own_pauses_that_are_shorter_stay(scheduler: Any, clock: Clock) -> None:
    for wait in (0, None, 0.1):
        scheduler.TaskRunner()._sleep(wait)

    assert clock.slept == [0, 0.1]


def test_heat_does_not_wait_after_each_resource_that_it_begins_with(scheduler: Any) -> None:
    assert scheduler.ENABLE_SLEEP is False


def test_heat_that_runs_with_another_pace_is_out_of_date() -> None:
    engine = services.find("heat-engine")
    folder = pathlib.Path(services.__file__).parent
    assert PLUGIN in {path for pattern in engine.sources for path in folder.glob(pattern)}
