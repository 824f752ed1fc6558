# SPDX-License-Identifier: Apache-2.0
"""Lists by all that they can be sorted by, page by page: every row once, whatever has no value."""

import dataclasses
from typing import Any

import pytest
from sqlalchemy.orm import Session

from magnum.api.versions import Application
from magnum.api.vocabulary import ALL, BAY, Vocabulary
from magnum.db.session import Database
from tests import factories, wire
from tests.wire import Request

HEADERS = (("X-Auth-Token", "alice:blue"),)
ROWS = 4
NODES = ((3, 10), (1, 9), (3, 10), (5, 2))
"""Masters and workers of each bay, in the order in which they are made."""


def fill(session: Session) -> None:
    """Write rows that differ in each kind of column, and have nulls in some."""
    for number in range(ROWS):
        even = number % 2 == 0
        template = factories.template(
            project_id="blue",
            tls_disabled=even,
            floating_ip_enabled=not even,
            docker_volume_size=number if even else None,
            volume_driver="rexray" if even else None,
        )
        session.add(template)
        session.flush()
        address = "https://192.0.2.1:2376" if even else None
        bay = factories.cluster(template, api_address=address, create_timeout=number // 2)
        for group, count in zip(bay.node_groups, NODES[number], strict=True):
            group.node_count = count
        session.add(bay)
        session.flush()
        session.add(factories.container(bay, memory="64m" if even else None, name=None))


def listed(app: Application, collection: str, key: str, direction: str) -> list[str]:
    """Follow the pages of a list to their end; return the uuids."""
    found: list[str] = []
    target = f"/v1/{collection}?limit=1&sort_key={key}&sort_dir={direction}"
    while target:
        answer = wire.send(app, Request("GET", target.encode(), HEADERS))
        assert answer.status == 200, answer.body
        page: dict[str, Any] = answer.json()
        found += [item["uuid"] for item in page[collection]]
        target = page.get("next", "").removeprefix("http://api.test:9511")
    return found


@pytest.mark.parametrize("vocabulary", ALL, ids=lambda vocabulary: vocabulary.noun)
def test_pages_hold_every_row_once_however_they_are_sorted(
    application: Application, database: Database, vocabulary: Vocabulary
) -> None:
    database.write(fill)
    for key in vocabulary.sortable:
        upwards = listed(application, vocabulary.collection, key, "asc")
        assert len(upwards) == len(set(upwards)) == ROWS, key
        assert listed(application, vocabulary.collection, key, "desc") == upwards[::-1], key


@pytest.mark.parametrize(
    ("key", "order"), [("master_count", [1, 0, 2, 3]), ("node_count", [3, 1, 0, 2])]
)
def test_bays_are_sorted_by_numbers_of_nodes_and_then_by_age(
    application: Application, database: Database, key: str, order: list[int]
) -> None:
    database.write(fill)
    by_age = listed(application, "bays", "id", "asc")
    expected = [by_age[number] for number in order]
    assert listed(application, "bays", key, "asc") == expected
    assert listed(application, "bays", key, "desc") == expected[::-1]


def test_counts_of_nodes_are_sorted_by_where_the_vocabulary_says_so() -> None:
    assert "node_count" in BAY.sortable
    assert "node_count" not in dataclasses.replace(BAY, counted=frozenset()).sortable
