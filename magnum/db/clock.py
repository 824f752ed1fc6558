# SPDX-License-Identifier: Apache-2.0
"""The database's clock, the only one that leases and deadlines are measured by.

Hosts' clocks differ and jump; conductors on several hosts must agree on whether a lease is over.
"""

from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Double


class now(FunctionElement[float]):  # noqa: N801 -- reads as the SQL function it is
    """Seconds since 1970 in UTC, with fractions, when the statement runs."""

    type = Double()
    inherit_cache = True
    name = "epoch_now"


@compiles(now)
def _standard(element: now, compiler: Any, **kw: Any) -> str:
    return "EXTRACT(EPOCH FROM clock_timestamp())"


@compiles(now, "mysql")
@compiles(now, "mariadb")
def _mysql(element: now, compiler: Any, **kw: Any) -> str:
    # UNIX_TIMESTAMP() would read the session's local time, which repeats an hour each autumn.
    return "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) / 1000000.0)"


@compiles(now, "sqlite")
def _sqlite(element: now, compiler: Any, **kw: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"
