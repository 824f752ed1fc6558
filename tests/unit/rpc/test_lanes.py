# SPDX-License-Identifier: Apache-2.0
"""Places for calls to engines: one that hangs takes a few threads, never all."""

import threading
import time

import pytest

from magnum.core import errors
from magnum.rpc import lanes
from magnum.rpc.lanes import Lanes


def test_lane_has_so_many_places_and_all_lanes_together_too() -> None:
    places = Lanes(3, 2, 0.0)
    places.enter("a")
    places.enter("a")
    with pytest.raises(errors.Unavailable):
        places.enter("a")
    places.enter("b")
    with pytest.raises(errors.Unavailable):
        places.enter("c")
    places.leave("a", answered=True)
    places.enter("c")


def test_call_waits_a_moment_for_a_place() -> None:
    places = Lanes(1, 1, 10.0)
    places.enter("a")
    timer = threading.Timer(0.05, places.leave, ("a", True))
    timer.start()
    places.enter("b")
    timer.join()


def test_lane_that_is_silent_takes_one_call_at_a_time_and_others_fail_at_once() -> None:
    places = Lanes(8, 4, 10.0)
    places.enter("a")
    places.leave("a", answered=False)
    places.enter("a")
    began = time.monotonic()
    with pytest.raises(errors.Unanswered, match="have not answered the calls before"):
        places.enter("a")
    assert time.monotonic() - began < 5
    places.enter("b")


def test_lane_that_answers_again_has_all_its_places() -> None:
    places = Lanes(8, 4, 0.0)
    for answered in (False, True):
        places.enter("a")
        places.leave("a", answered)
    for _ in range(4):
        places.enter("a")


def test_silence_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "SILENCE_SECONDS", 0.0)
    places = Lanes(8, 4, 0.0)
    places.enter("a")
    places.leave("a", answered=False)
    places.enter("a")
    places.enter("a")
