# SPDX-License-Identifier: Apache-2.0
"""What databases do, each in its own words: tell the time, and compare texts to the letter."""

from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Boolean, Double


class now(FunctionElement[float]):  # noqa: N801 -- reads as the SQL function it is
    """Seconds since 1970 in UTC, with fractions, when the statement runs.

    The database's clock is the only one that leases and deadlines are measured by.  Hosts' clocks
    differ and jump; conductors on several hosts must agree on whether a lease is over.
    """

    type = Double()
    inherit_cache = True
    name = "epoch_now"


@compiles(now)
def _standard(element: now, compiler: Any, **kw: Any) -> str:
    return "EXTRACT(EPOCH FROM clock_timestamp())"


@compiles(now, "mysql")
def _mysql(element: now, compiler: Any, **kw: Any) -> str:
    # UNIX_TIMESTAMP() would read the session's local time, which repeats an hour each autumn.
    return "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) / 1000000.0)"


@compiles(now, "sqlite")
def _sqlite(element: now, compiler: Any, **kw: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


class same(FunctionElement[bool]):  # noqa: N801 -- likewise
    """Whether two texts are the same, to the letter.

    MySQL ignores spaces at the end, and fails on a character that only one of two character sets
    has.  No index serves this there: something else has to say which few rows are in question.
    """

    type = Boolean()
    inherit_cache = True
    name = "same"


@compiles(same)
def _same(element: same, compiler: Any, **kw: Any) -> str:
    one, other = (compiler.process(part, **kw) for part in element.clauses)
    return f"{one} = {other}"


@compiles(same, "mysql")
def _same_in_mysql(element: same, compiler: Any, **kw: Any) -> str:
    one, other = (
        f"CAST(CONVERT({compiler.process(part, **kw)} USING utf8mb4) AS BINARY)"
        for part in element.clauses
    )
    return f"{one} = {other}"
