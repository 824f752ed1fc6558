# SPDX-License-Identifier: Apache-2.0
"""The line of time of a bay, without one."""

import datetime
from typing import Any

import pytest

from benchmarks import bay_creation

BEGAN = datetime.datetime(2026, 1, 2, 3, 4, 5, 600_000, datetime.UTC)
EVENTS: list[dict[str, Any]] = [
    {"created_at": "2026-01-02T03:04:35+00:00", "resource": "first_master/ready", "text": "done"},
    {"created_at": "2026-01-02T03:04:05", "resource": "request", "text": "Create asked for"},
    {"created_at": "2026-01-02T03:04:07+00:00", "resource": None, "text": "odd"},
]


def test_events_stand_in_their_order_with_what_was_waited_for_each() -> None:
    waits = bay_creation.line(BEGAN, EVENTS)
    assert [wait.what for wait in waits] == [
        "request: Create asked for",
        ": odd",
        "first_master/ready: done",
    ]
    # An event of the second in which the POST was sent is none before it.
    assert [wait.at for wait in waits] == pytest.approx([0.0, 1.4, 29.4])
    assert [wait.waited for wait in waits] == pytest.approx([0.0, 1.4, 28.0])


def test_what_came_in_one_second_waited_for_the_node_that_booted() -> None:
    second = {"created_at": "2026-01-02T03:04:35+00:00"}
    ready = "first_master/ready"
    events = [
        {**second, "resource": "further_masters", "text": "CREATE_COMPLETE"},
        {**second, "resource": "workers/0/ready", "text": "CREATE_IN_PROGRESS"},
        {**second, "resource": ready, "text": "CREATE_COMPLETE"},
    ]
    first, *others = bay_creation.line(BEGAN, events)
    assert first.what == f"{ready}: CREATE_COMPLETE"
    assert first.waited == pytest.approx(29.4)
    assert "the node boots" in first.why
    assert [wait.waited for wait in others] == [0.0, 0.0]


def test_long_waits_are_told_with_their_reason_and_the_aim(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bay_creation.show(1, bay_creation.line(BEGAN, EVENTS), 60.5)
    printed = capsys.readouterr().out
    assert "28.0 s before first_master/ready: done: the node boots" in printed
    assert "1.4 s before : odd: not known" in printed
    assert "aim: usable <= 45 s: 29.4, met" in printed
    assert "aim: a dead worker shown <= 60 s: 60.5, MISSED" in printed
