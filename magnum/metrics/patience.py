# SPDX-License-Identifier: Apache-2.0
"""An answer within a bounded time from what may hang."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Patience(Generic[T]):
    """Does one piece of work in a thread, never twice at a time, and waits only so long.

    Work that hangs costs one thread, however often it is asked for, and keeps no process from
    ending.

    :param work: what to do; may raise.
    """

    def __init__(self, name: str, work: Callable[[], T]) -> None:
        self._name = name
        self._work = work
        self._lock = threading.Lock()
        self._under_way: Future[T] | None = None

    def begin(self) -> "Future[T]":
        """Have the work begun, unless it is under way already."""
        with self._lock:
            if self._under_way is None or self._under_way.done():
                self._under_way = Future()
                arguments = (self._under_way,)
                threading.Thread(
                    target=self._run, args=arguments, name=self._name, daemon=True
                ).start()
            return self._under_way

    def _run(self, outcome: "Future[T]") -> None:
        try:
            result = self._work()
        except Exception as error:  # noqa: BLE001 -- raised by who waits for it
            outcome.set_exception(error)
        else:
            outcome.set_result(result)
