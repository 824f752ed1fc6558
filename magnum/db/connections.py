# SPDX-License-Identifier: Apache-2.0
"""What every connection is told when it is made, whatever made it.

Called by :mod:`magnum.db.session` with each new engine.  What ``[database] connection`` says
itself goes before what is said here.
"""

from typing import Any

from sqlalchemy import Connection, Engine, event

CONNECT_SECONDS = 5
ANSWER_SECONDS = 10
"""Longest silence within a statement.  PostgreSQL's driver measures only what the network does."""

LOCK_SECONDS = 5
"""How long a statement waits for a row that another transaction has; ours end within moments."""

_LOCK_WAITS = {
    "mysql": f"SET SESSION innodb_lock_wait_timeout = {LOCK_SECONDS}",
    "postgresql": f"SET lock_timeout = '{LOCK_SECONDS}s'",
}


def set_up(engine: Engine, patient: bool) -> None:
    """Have an engine's connections made as this service wants them.

    :param patient: whether statements may take their time, as those of a migration do.
    """
    engine.hide_parameters = True  # errors are logged, and rows hold more than a log should
    dialect = engine.dialect
    parameters = _parameters(dialect.driver, patient)

    def connect(_dialect: object, _record: object, _args: object, given: dict[str, Any]) -> None:
        for name, value in parameters.items():
            given.setdefault(name, value)
        if dialect.name == "mysql" and "charset" not in engine.url.query:
            # oslo.db says utf8, which is the one of three bytes: no other character would pass.
            given["charset"] = "utf8mb4"

    def limit_lock_waits(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_LOCK_WAITS[dialect.name])
        connection.commit()

    event.listen(engine, "do_connect", connect)
    if dialect.name in _LOCK_WAITS and not patient:
        event.listen(engine, "connect", limit_lock_waits)
    if dialect.name == "sqlite":
        event.listen(engine, "begin", _take_write_lock)


def _parameters(driver: str, patient: bool) -> dict[str, int]:
    """Return what a driver is told; one that nobody has tried is told nothing."""
    seconds = ANSWER_SECONDS
    answering = {
        "pymysql": {"read_timeout": seconds, "write_timeout": seconds},
        "psycopg2": {"tcp_user_timeout": 1000 * seconds, "keepalives_idle": seconds},
    }
    if driver not in answering:
        return {}
    return {"connect_timeout": CONNECT_SECONDS, **({} if patient else answering[driver])}


def _take_write_lock(connection: Connection) -> None:
    """Let a writing SQLite transaction begin as a writer.

    One that begins as a reader cannot wait for another writer: SQLite refuses it at once.
    oslo.db begins transactions itself and marks that it did; SQLAlchemy lets no listener go
    before that one, so what it began, and has not used yet, is ended again.
    """
    if not connection.get_execution_options().get("writes"):
        return
    if connection.info.pop("in_transaction", False):
        connection.exec_driver_sql("ROLLBACK")
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    connection.info["in_transaction"] = True
