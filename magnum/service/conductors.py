# SPDX-License-Identifier: Apache-2.0
"""The conductors that report themselves (mservices)."""

from collections.abc import Sequence

from magnum.context import RequestContext
from magnum.db import repository
from magnum.db.models import MagnumService
from magnum.db.session import Database


class Conductors:
    """Read-only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, context: RequestContext) -> Sequence[MagnumService]:
        """List every conductor that ever reported; the caller is an administrator."""
        return self._database.read(repository.conductors)
