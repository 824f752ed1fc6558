# SPDX-License-Identifier: Apache-2.0
"""What engines may take of our time and memory."""

import math
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from magnum.clients.docker.allowance import PlainSocket, TooLong, allowing, current


@pytest.fixture
def ends() -> Iterator[tuple[PlainSocket, socket.socket]]:
    """Yield two ends of a connection: ours and an engine's."""
    ours, theirs = socket.socketpair()
    with closing(PlainSocket(fileno=ours.detach())) as bounded, closing(theirs):
        yield bounded, theirs


def test_engine_that_says_nothing_is_given_up(ends: tuple[PlainSocket, socket.socket]) -> None:
    began = time.monotonic()
    with allowing(0.2), pytest.raises(TimeoutError):
        ends[0].recv_into(bytearray(1))
    assert 0.1 < time.monotonic() - began < 2


def test_engine_that_says_a_little_for_ever_is_given_up(
    ends: tuple[PlainSocket, socket.socket],
) -> None:
    ours, theirs = ends
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(0.02):
            theirs.send(b"x")

    dripping = threading.Thread(target=drip)
    dripping.start()
    began = time.monotonic()
    try:
        with allowing(0.3), pytest.raises(TimeoutError):
            _read_for_ever(ours)
    finally:
        stop.set()
        dripping.join()
    assert time.monotonic() - began < 2


def test_silence_is_bounded_apart(ends: tuple[PlainSocket, socket.socket]) -> None:
    began = time.monotonic()
    with allowing(60, silence=0.1), pytest.raises(TimeoutError):
        ends[0].recv_into(bytearray(1))
    assert time.monotonic() - began < 5


def test_answer_without_an_end_is_given_up(ends: tuple[PlainSocket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.send(b"x" * 100)
    with allowing(5, octets=50):
        assert ours.recv_into(bytearray(50)) == 50
        with pytest.raises(TooLong):
            ours.recv_into(bytearray(50))


def test_block_within_another_ends_no_later() -> None:
    with allowing(1):
        with allowing(100) as inner:
            assert inner.seconds <= 1
            assert current() is inner
        with allowing(0.1) as inner:
            assert inner.seconds <= 0.1
    with allowing(math.inf) as free:
        assert free.seconds == math.inf


def test_nothing_is_read_outside_of_a_call(ends: tuple[PlainSocket, socket.socket]) -> None:
    with pytest.raises(LookupError):
        ends[0].recv_into(bytearray(1))


def _read_for_ever(connection: PlainSocket) -> None:
    while True:
        connection.recv_into(bytearray(1))
