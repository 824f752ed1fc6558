# SPDX-License-Identifier: Apache-2.0
"""Calls that are answered, in time or not at all."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import oslo_messaging
import pytest
from oslo_config import cfg

from magnum.core import errors
from magnum.core.container import Place, Seen
from magnum.core.placement import Engine
from magnum.rpc import calls
from magnum.rpc.calls import ContainerCalls


class FakeBus:
    """A client of oslo.messaging whose calls do what they are told to."""

    def __init__(self, answer: Callable[[str, dict[str, Any]], Any]) -> None:
        self.timeouts: list[float] = []
        self._answer = answer

    def prepare(self, timeout: float) -> "FakeBus":
        self.timeouts.append(timeout)
        return self

    def call(self, _context: Any, method: str, message: dict[str, Any]) -> Any:
        return self._answer(method, message)


def answering(result: Any = None, code: int = 0, detail: str = "") -> FakeBus:
    return FakeBus(lambda *_: {"result": result, "code": code, "detail": detail})


def raising(error: Exception) -> FakeBus:
    def fail(_method: str, _message: dict[str, Any]) -> Any:
        raise error

    return FakeBus(fail)


@pytest.fixture
def hung() -> Iterator[FakeBus]:
    """A broker that says nothing until the test is over."""
    over = threading.Event()
    yield FakeBus(lambda *_: over.wait(60) and None)
    over.set()


def test_engines_come_as_they_are(conf: cfg.ConfigOpts) -> None:
    told = {"node_id": "n1", "address": "10.0.0.1", "capacity_bytes": 1, "running": 2}
    found = ContainerCalls(conf, answering([{**told, "is_manager": True}])).engines("c1")
    assert found == [Engine("n1", "10.0.0.1", 1, 2, is_manager=True)]


def test_states_come_as_they_are(conf: cfg.ConfigOpts) -> None:
    state = {"status": "Error", "reason": "It is gone."}
    assert ContainerCalls(conf, answering(state)).see("c1", "n1") == Seen("Error", "It is gone.")
    place = Place("b1", "10.0.0.1", "n1", {"c1": "d1"})
    found = ContainerCalls(conf, answering([["Error", "It is gone.", ["c1"]]])).see_all(
        [place], "b1"
    )
    assert found == {"c1": Seen("Error", "It is gone.")}


def test_message_says_what_is_to_be_done_and_how_long_it_may_take(conf: cfg.ConfigOpts) -> None:
    sent: list[tuple[str, dict[str, Any]]] = []

    def note(method: str, message: dict[str, Any]) -> dict[str, Any]:
        sent.append((method, message))
        return {"result": {"output": ""}, "code": 0, "detail": ""}

    bus = FakeBus(note)
    ContainerCalls(conf, bus).perform("exec", "c1", "n1", "ls -l")
    ((method, message),) = sent
    assert method == "container_exec"
    assert message == {"container_id": "c1", "seconds": 8.0, "command": "ls -l"}
    assert bus.timeouts == [8.0 + calls.TRAVEL_SECONDS]
    assert bus.timeouts[0] < 10


def test_error_of_a_conductor_has_its_code_and_words(conf: cfg.ConfigOpts) -> None:
    bus = answering(code=409, detail="It is not running.")
    with pytest.raises(errors.Told, match="It is not running") as caught:
        ContainerCalls(conf, bus).perform("exec", "c1", "n1", "ls")
    assert (caught.value.code, caught.value.retry_after) == (409, None)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (oslo_messaging.MessagingTimeout("nobody"), 504),
        (oslo_messaging.MessageDeliveryFailure("no route"), 503),
        (ValueError("an answer of another release"), 503),
    ],
)
def test_bus_that_fails_is_told_of(conf: cfg.ConfigOpts, error: Exception, code: int) -> None:
    with pytest.raises(errors.MagnumError) as caught:
        ContainerCalls(conf, raising(error)).see("c1", "n1")
    assert caught.value.code == code
    assert caught.value.retry_after


def test_broker_that_hangs_is_not_waited_for(
    conf: cfg.ConfigOpts, hung: FakeBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "TRAVEL_SECONDS", 0.1)
    conf.set_override("create_wait", 0.1, group="docker")
    began = time.monotonic()
    with pytest.raises(errors.Unanswered, match=r"within 0.2 seconds"):
        ContainerCalls(conf, hung).create("c1", "n1")
    assert time.monotonic() - began < 5


def test_engine_that_hangs_leaves_threads_for_everything_else(
    conf: cfg.ConfigOpts, hung: FakeBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "TRAVEL_SECONDS", 0.0)
    monkeypatch.setattr(calls, "PATIENCE_SECONDS", 0.0)
    conf.set_override("create_wait", 0.05, group="docker")
    conf.set_override("threads", 8, group="api")
    asking = ContainerCalls(conf, hung)
    outcomes = []
    for number in range(12):
        with pytest.raises(errors.MagnumError) as caught:
            asking.create("c1", f"n{number % 3}")
        outcomes.append(caught.value.code)
    # Six threads hang at the bus, as long as that hangs; nobody else does.
    assert outcomes == [504] * 6 + [503] * 6
