# SPDX-License-Identifier: Apache-2.0
"""Rows as their users see them.

Called by the controllers with loaded rows; computes what is no column, and nothing is fetched.
Nulls are printed: clients read keys without asking whether they are there.
"""

import datetime
from collections.abc import Iterable, Sequence
from typing import Any

from magnum.api.vocabulary import Vocabulary, Word
from magnum.core import fields, states
from magnum.core.fields import Field, Kind
from magnum.db.models import Event, MagnumService


def moment(value: datetime.datetime | None) -> str | None:
    """Format a moment in UTC: seconds, and the offset that parsers insist on."""
    return None if value is None else f"{value.isoformat(timespec='seconds')}+00:00"


def links(base_url: str, collection: str, ident: str) -> list[dict[str, str]]:
    """Return where a resource is: with the version, and without, for bookmarks."""
    return [
        {"href": f"{base_url}/v1/{collection}/{ident}", "rel": "self"},
        {"href": f"{base_url}/{collection}/{ident}", "rel": "bookmark"},
    ]


def item(vocabulary: Vocabulary, row: Any, base_url: str, *, alone: bool = False) -> dict[str, Any]:
    """Show one resource.

    :param alone: show also what only the answer to a GET of this one resource has.
    """
    failed = alone and getattr(row, "status", None) in states.FAILED
    words = (
        word
        for word in vocabulary.words
        if (failed or not word.field.only_failed) and (alone or not word.field.only_alone)
    )
    return _shown(vocabulary, words, row, base_url)


def items(
    vocabulary: Vocabulary, rows: Iterable[Any], base_url: str, *, detail: bool
) -> list[dict[str, Any]]:
    """Show the resources of a list.

    :param detail: whether with all fields.
    """
    words = vocabulary.listed(detail)
    return [_shown(vocabulary, words, row, base_url) for row in rows]


def _shown(
    vocabulary: Vocabulary, words: Iterable[Word], row: Any, base_url: str
) -> dict[str, Any]:
    return {
        word.name: links(base_url, vocabulary.collection, row.uuid)
        if word.field.kind is Kind.LINKS
        else _value(row, word.field)
        for word in words
    }


def _value(row: Any, field: Field) -> Any:
    value = getattr(row, field.name)
    if field.kind is Kind.MOMENT:
        return moment(value)
    return value or {} if field.kind is Kind.LABELS else value


def document(vocabulary: Vocabulary, row: Any) -> dict[str, Any]:
    """Return the attributes that a patch is applied to, by their names on the wire."""
    return {
        word.name: _value(row, word.field)
        for word in vocabulary.words
        if word.field.kind not in (Kind.LINKS, Kind.MOMENT)
    }


def certificate(base_url: str, cluster_uuid: str, **texts: str) -> dict[str, Any]:
    """Show a certificate under the names of both APIs for the cluster."""
    return {
        "bay_uuid": cluster_uuid,
        "cluster_uuid": cluster_uuid,
        **texts,
        "links": links(base_url, "certificates", cluster_uuid),
    }


def events(rows: Iterable[Event]) -> dict[str, Any]:
    """Show what happened to a cluster."""
    return {
        "events": [
            {
                "created_at": moment(row.created_at),
                "severity": row.severity,
                "resource": row.resource,
                "text": row.text,
            }
            for row in rows
        ]
    }


def services(
    rows: Sequence[MagnumService], now: datetime.datetime, down_after_seconds: int
) -> dict[str, Any]:
    """Show the conductors, each up while its last heartbeat is young."""
    return {"mservices": [_service(row, now, down_after_seconds) for row in rows]}


def _service(row: MagnumService, now: datetime.datetime, down_after_seconds: int) -> dict[str, Any]:
    is_up = row.is_up(now, datetime.timedelta(seconds=down_after_seconds))
    computed = {"state": "up" if is_up else "down"}
    shown: dict[str, Any] = {}
    for field in fields.SERVICE_FIELDS:
        value: Any = getattr(row, field.name) if field.column else computed[field.name]
        shown[field.name] = moment(value) if field.kind is Kind.MOMENT else value
    return shown
