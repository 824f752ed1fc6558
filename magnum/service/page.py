# SPDX-License-Identifier: Apache-2.0
"""One page of a list, in the words of the table it is read from."""

from collections.abc import Sequence
from typing import Any

from magnum.db import pages
from magnum.db.pages import Page
from magnum.db.repository import Row, Scope
from magnum.db.session import Database

__all__ = ["Page", "fetch"]


def fetch(database: Database, model: type[Row], page: Page, scope: Scope) -> Sequence[Any]:
    """Read a page: whole rows, or plain ones where it names fields."""
    if page.fields:
        return database.look(lambda connection: pages.plain(connection, model, page, scope))
    return database.read(lambda session: pages.page(session, model, page, scope))
