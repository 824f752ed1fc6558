# SPDX-License-Identifier: Apache-2.0
"""Pages of lists: reading the query, writing the link to the next page.

Called by the resource controllers.
Source: the common query parameters of the bay API.
"""

import urllib.parse
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from magnum.api.vocabulary import Vocabulary
from magnum.core import errors
from magnum.service.page import Page

PARAMETERS = frozenset({"limit", "marker", "sort_key", "sort_dir"})
NARROWING = frozenset({"bay_ident"})
"""Parameters of some lists that the following pages have as well."""

DIRECTIONS = ("asc", "desc")


def read(vocabulary: Vocabulary, query: Mapping[str, str], max_limit: int, detail: bool) -> Page:
    """Read which page is wanted.

    :param max_limit: most items of a page, which is also the default.
    :param detail: whether all fields are.
    :raises InvalidField: a parameter is none it may be.
    """
    sort_key, sort_dir = query.get("sort_key", "id"), query.get("sort_dir", "asc")
    if sort_key not in vocabulary.sortable:
        rule = f"be one of {', '.join(vocabulary.sortable)}"
        raise errors.InvalidField("sort_key", sort_key, rule)
    if sort_dir not in DIRECTIONS:
        raise errors.InvalidField("sort_dir", sort_dir, f"be one of {', '.join(DIRECTIONS)}")
    return Page(
        limit=_limit(query.get("limit"), max_limit),
        marker=_marker(query.get("marker")),
        sort_key=vocabulary.sortable[sort_key],
        sort_dir=sort_dir,
        fields=frozenset() if detail else vocabulary.listed_fields,
    )


def _limit(text: str | None, max_limit: int) -> int:
    if text is None:
        return max_limit
    is_number = text.isascii() and text.isdigit() and len(text) < 20
    if not is_number or int(text) < 1:
        raise errors.InvalidField("limit", text, "be a positive integer")
    return min(int(text), max_limit)


def _marker(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise errors.InvalidField("marker", text, "be the uuid of an item") from error


def next_url(url: str, query: Mapping[str, str], page: Page, rows: Sequence[Any]) -> dict[str, str]:
    """Return the member ``next`` of a list, or nothing when the page is not full.

    A full last page has one too; it leads to an empty page.
    """
    if len(rows) < page.limit:
        return {}
    parameters = {
        **{name: query[name] for name in NARROWING if name in query},
        "sort_key": query.get("sort_key", "id"),
        "sort_dir": page.sort_dir,
        "limit": page.limit,
        "marker": rows[-1].uuid,
    }
    return {"next": f"{url}?{urllib.parse.urlencode(parameters)}"}
