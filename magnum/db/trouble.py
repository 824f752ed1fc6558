# SPDX-License-Identifier: Apache-2.0
"""What an error of a database means: try again, come back later, or that cannot be stored.

Called by :mod:`magnum.db.session` alone.  Constraints are not its business: whoever breaks one
knows what that means.
"""

import re
from collections.abc import Iterator

from oslo_db import exception as db_exception
from sqlalchemy import exc

from magnum.core import errors

NAME = "The database"
"""What it is called when it does not answer."""

DATABASE_ERRORS = (
    db_exception.CantStartEngineError,
    db_exception.DBError,
    exc.DBAPIError,
    exc.TimeoutError,  # of the pool
)

_CONFLICTS = frozenset(
    {
        1020,  # MariaDB: another transaction changed the row that was read
        "40001",  # PostgreSQL: likewise, where the isolation is stricter than its default
        "55P03",  # PostgreSQL: another transaction holds the lock for too long
    }
)
"""Errors that end one of two transactions in each other's way, besides those oslo.db knows."""

_AWAY = frozenset(
    {
        1021, 1041, 1114,  # MySQL: no space or memory
        1053,  # MySQL: it is shutting down
        1290, 1836,  # MySQL: it only reads, as one does that is not the primary
        "25006",  # PostgreSQL: it only reads
        "53100", "53200", "53300", "53400",  # PostgreSQL: no space, memory or connections
        "SQLITE_BUSY", "SQLITE_FULL",
    }
)  # fmt: skip
"""Errors that pass without our doing, besides lost connections."""

_UNSTORABLE = frozenset(
    {
        1267,  # MySQL: in no character set that the column could be compared in
        1366,  # MySQL: not in the character set of the column
        "22P05",  # PostgreSQL: not in the character set of the database
    }
)
_COLUMN = re.compile(r"for column .*?(\w+)[`'\\\\]* at row")


def is_lost(error: BaseException) -> bool:
    """Tell whether the connection broke."""
    return isinstance(error, db_exception.DBConnectionError)


def is_conflict(error: BaseException) -> bool:
    """Tell whether the database undid a transaction that was in another one's way."""
    return isinstance(error, db_exception.DBDeadlock) or _code(error) in _CONFLICTS


def told(error: BaseException) -> errors.MagnumError | None:
    """Return what a caller is told of an error, or None where the caller has to know better."""
    if _code(error) in _UNSTORABLE:
        column = _COLUMN.search(reason(error))
        return errors.Invalid(
            f"{column[1] if column else 'A text'} has a character that the database of this site "
            "cannot store."
        )
    silent = (
        db_exception.DBNonExistentDatabase,
        db_exception.CantStartEngineError,
        exc.TimeoutError,
    )
    is_silent = is_lost(error) or is_conflict(error) or isinstance(error, silent)
    if is_silent or _code(error) in _AWAY:
        return errors.Unavailable(NAME)
    return None


def reason(error: BaseException) -> str:
    """Return the driver's own words, without the statement and what was in it."""
    *_, innermost = _chain(error)
    return " ".join(str(innermost).split())


def _code(error: BaseException) -> int | str | None:
    """Return the server's own number for an error."""
    *_, innermost = _chain(error)
    for attribute in ("pgcode", "sqlite_errorname"):
        if code := getattr(innermost, attribute, None):
            return str(code)
    first = innermost.args[0] if innermost.args else None
    return first if isinstance(first, int) else None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those it was made from: oslo.db's, SQLAlchemy's, the driver's."""
    while error is not None:
        yield error
        error = getattr(error, "inner_exception", None) or getattr(error, "orig", None)
