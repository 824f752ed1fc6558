# SPDX-License-Identifier: Apache-2.0
"""How long the call under way in this thread may take, and how much it may bring.

A time-out of a single read does not bound a call: an engine could send a byte a second for ever.
So the sockets themselves ask here before every read.
"""

import math
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

LEAST_SECONDS = 0.001
"""What a socket is given instead of nothing, which would mean not to wait at all."""


class TooLong(OSError):
    """The engine sends more than the call may bring."""


class Allowance:
    """What is left to one call; used by one thread at a time."""

    def __init__(self, seconds: float, octets: int, silence: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._octets = octets
        self._silence = silence

    @property
    def seconds(self) -> float:
        """What is left of the time; at least a moment, in which nothing will come any more."""
        return max(LEAST_SECONDS, self._deadline - time.monotonic())

    def require(self) -> float:
        """Return for how many seconds something may be waited for now.

        :raises TimeoutError: there are none.
        """
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the call has used up its time")
        return min(left, self._silence)

    def took(self, octets: int) -> None:
        """Count what was received.

        :raises TooLong: it is too much.
        """
        self._octets -= octets
        if self._octets < 0:
            raise TooLong("the answer is too long")


_CURRENT: ContextVar[Allowance | None] = ContextVar("allowance", default=None)


@contextmanager
def allowing(
    seconds: float, octets: int = sys.maxsize, silence: float = math.inf
) -> Iterator[Allowance]:
    """Bound all that the block reads from engines; blocks within blocks end no later.

    :param seconds: for all of it together.
    :param octets: likewise, on the wire.
    :param silence: seconds in which at least something has to come.
    """
    outer = _CURRENT.get()
    if outer is not None:
        seconds = min(seconds, outer.seconds)
    allowance = Allowance(seconds, octets, silence)
    token = _CURRENT.set(allowance)
    try:
        yield allowance
    finally:
        _CURRENT.reset(token)


def current() -> Allowance:
    """Return the allowance of the call under way.

    :raises LookupError: there is no call.
    """
    allowance = _CURRENT.get()
    if allowance is None:
        raise LookupError("no call is under way")
    return allowance


class _Bounded(socket.socket):
    """Reads only what the call under way may still have."""

    def recv_into(self, *args: Any, **options: Any) -> int:
        allowance = current()
        self.settimeout(allowance.require())
        received = super().recv_into(*args, **options)
        allowance.took(received)
        return received


class PlainSocket(_Bounded):
    """A bounded socket without TLS."""


class SecureSocket(_Bounded, ssl.SSLSocket):
    """A bounded socket with TLS; :class:`ssl.SSLContext` makes them."""
