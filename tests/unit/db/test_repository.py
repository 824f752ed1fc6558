# SPDX-License-Identifier: Apache-2.0
"""Rows are found by the very name they have, and sorted alike on every database."""

import pytest

from magnum.core import errors
from magnum.db import pages, repository
from magnum.db.models import Cluster, ClusterTemplate
from magnum.db.pages import Page
from magnum.db.repository import Scope
from magnum.db.session import Database
from tests import factories

SCOPE = Scope(factories.PROJECT)
NAMES = [" k1", "K1", "K2", "Ke", "k1", "k1 ", "k1%", "k1_", "ke", "ké", "strasse", "straße", "ц"]


def add_templates(database: Database, names: list[str]) -> None:
    rows = [factories.template(name=name) for name in names]
    database.write(lambda session: session.add_all(rows))


def get(database: Database, name: str) -> ClusterTemplate:
    return database.read(lambda session: repository.template(session, name, SCOPE))


def names_by(database: Database, page: Page) -> list[str]:
    rows = database.read(lambda session: pages.page(session, ClusterTemplate, page, SCOPE))
    return [row.name for row in rows]


def test_name_is_found_to_the_letter(database: Database) -> None:
    add_templates(database, NAMES)
    assert [get(database, name).name for name in NAMES] == NAMES


@pytest.mark.parametrize(
    "name", ["k1 ", "K1", "k1.", "k", "%", "k_", "kë", "", "😀", "k1😀", "k1'"]
)
def test_name_that_is_almost_another_is_not_found(database: Database, name: str) -> None:
    add_templates(database, ["k1", "ke"])
    with pytest.raises(errors.NotFound):
        get(database, name)


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_names_are_sorted_by_their_characters_codes(database: Database, direction: str) -> None:
    add_templates(database, NAMES[::2] + NAMES[1::2])
    page = Page(limit=99, sort_key="name", sort_dir=direction)
    assert names_by(database, page) == sorted(NAMES, reverse=direction == "desc")


def test_pages_by_name_follow_one_another(database: Database) -> None:
    add_templates(database, ["k1", "K1", "k1", "ké", "KE"])
    found: list[str] = []
    marker = None
    while True:
        page = Page(limit=2, marker=marker, sort_key="name")
        rows = database.read(
            lambda session, page=page: pages.page(session, ClusterTemplate, page, SCOPE)
        )
        if not rows:
            break
        found += [row.name for row in rows]
        marker = rows[-1].uuid
    assert found == ["K1", "KE", "k1", "k1", "ké"]


@pytest.mark.parametrize("key", ["public", "http_proxy", "docker_volume_size", "created_at"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_least_come_first_and_nulls_are_the_least(
    database: Database, key: str, direction: str
) -> None:
    choices: dict[str, list[object]] = {
        "public": [False, True],
        "http_proxy": [None, "http://a", "http://b"],
        "docker_volume_size": [None, 3, 10],
        "created_at": [factories.MOMENT, factories.MOMENT.replace(year=2030)],
    }
    values = choices[key]
    rows = [factories.template(name=str(value), **{key: value}) for value in values]
    database.write(lambda session: session.add_all(reversed(rows)))
    expected = [str(value) for value in values]
    page = Page(limit=9, sort_key=key, sort_dir=direction)
    assert names_by(database, page) == expected[:: 1 if direction == "asc" else -1]


def test_what_is_stored_comes_back_as_it_was(database: Database) -> None:
    labels = {"k": "😀", "ü": '\\ "', "": "null"}
    row = factories.template(name="n" * 255, labels=labels, created_at=factories.MOMENT)
    database.write(lambda session: session.add(row))
    seen = get(database, "n" * 255)
    assert seen.labels == labels
    assert seen.created_at == factories.MOMENT
    assert (seen.public, seen.floating_ip_enabled, seen.apiserver_port) == (False, True, None)


def test_page_of_some_fields_has_them_and_nothing_else(database: Database) -> None:
    made = factories.add_cluster(database, name="b")
    database.write(lambda session: factories.add_resize(session, made, 3, rollback=False))
    page = Page(limit=9, fields=frozenset({"uuid", "name", "node_count", "master_count"}))
    (row,) = database.look(lambda connection: pages.plain(connection, Cluster, page, SCOPE))
    assert (row.uuid, row.name, row.node_count, row.master_count) == (made.uuid, "b", 3, 1)
    assert {type(row.node_count), type(row.master_count)} == {int}
    assert not hasattr(row, "status")
