# SPDX-License-Identifier: Apache-2.0
"""What is sent to the database, for tests that pin it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

_BRACKETS = ("BEGIN", "COMMIT", "ROLLBACK")


class QueryRecorder:
    """Writes down the statements of an engine while told to.

    :ivar statements: each statement's text, without those that begin and end transactions, which
        only SQLite's driver is sent as such.
    :ivar transactions: how each transaction ended: ``commit`` or ``rollback``.
    """

    def __init__(self, engine: Engine) -> None:
        self.statements: list[str] = []
        self.transactions: list[str] = []
        self.server: str = engine.dialect.name
        self._engine = engine

    @contextmanager
    def recording(self) -> Iterator["QueryRecorder"]:
        """Write down what happens inside, and nothing from before."""
        self.statements, self.transactions = [], []
        listeners: dict[str, Callable[..., Any]] = {
            "before_cursor_execute": self._statement,
            "commit": lambda _connection: self.transactions.append("commit"),
            "rollback": lambda _connection: self.transactions.append("rollback"),
        }
        for name, listener in listeners.items():
            event.listen(self._engine, name, listener)
        try:
            yield self
        finally:
            for name, listener in listeners.items():
                event.remove(self._engine, name, listener)

    def _statement(self, _connection: object, _cursor: object, statement: str, *_more: Any) -> None:
        if not statement.startswith(_BRACKETS):
            self.statements.append(statement)
