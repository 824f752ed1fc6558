# SPDX-License-Identifier: Apache-2.0
"""A real database that goes away: at a chosen transaction, before or after its commit."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from magnum.core.errors import Unavailable
from magnum.db.session import Database, Work

T = TypeVar("T")


class FlakyDatabase(Database):
    """:ivar calls: how many transactions were begun since the last :meth:`fail`."""

    def __init__(self) -> None:
        super().__init__()
        self.fail(0, 0)

    def fail(self, first: int, count: int = 1, lost_answer: bool = False) -> None:
        """Be away for ``count`` transactions from the ``first`` from now on.

        :param first: 1 for the next one.
        :param lost_answer: commit all the same, as when the connection breaks right after it.
        """
        self.calls = 0
        self._away = range(first, first + count)
        self._lost_answer = lost_answer

    def away(self) -> None:
        """Be away until :meth:`back`."""
        self.fail(1, 1_000_000)

    def back(self) -> None:
        """Answer again."""
        self.fail(0, 0)

    def read(self, work: Work[T]) -> T:
        """Read, or not."""
        self._begin_reading()
        return super().read(work)

    def look(self, work: Callable[[Connection], T]) -> T:
        """Read plain rows, or not."""
        self._begin_reading()
        return super().look(work)

    def _begin_reading(self) -> None:
        self.calls += 1
        if self.calls in self._away:
            raise Unavailable("The database")

    def write(self, work: Work[T]) -> T:
        """Write, or not, or so that nobody knows."""
        self.calls += 1
        away = self.calls in self._away
        if away and not self._lost_answer:
            raise Unavailable("The database")
        result = super().write(work)
        if away:
            raise Unavailable("The database")
        return result
