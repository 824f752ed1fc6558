# SPDX-License-Identifier: Apache-2.0
"""Operations: what their end does to the rows of a cluster."""

from sqlalchemy import select

from magnum.core.states import Action, Outcome
from magnum.db import claims, operations
from magnum.db.claims import Claim
from magnum.db.models import Cluster, NodeGroup, Operation
from magnum.db.session import Database
from tests import factories


def claim(database: Database) -> list[Claim]:
    return database.write(lambda session: claims.claim(session, "one", 20.0, 10))


def test_what_was_found_shows_in_the_cluster_and_its_groups(database: Database) -> None:
    row = factories.add_cluster(database, Action.CREATE)
    (held,) = claim(database)
    found = {"worker": ["1.2.3.4"]}
    database.write(lambda session: operations.record_step(session, held, "x", {}, {}, found))
    database.write(
        lambda session: operations.finish(
            session, held, Outcome.COMPLETE, None, {"api_address": "a"}
        )
    )
    seen = database.read(lambda session: session.get(Cluster, row.id))
    assert seen is not None
    assert (seen.status, seen.api_address) == ("CREATE_COMPLETE", "a")
    groups = database.read(
        lambda session: {
            group.role: group.node_addresses for group in session.scalars(select(NodeGroup))
        }
    )
    assert groups == {"master": None, "worker": ["1.2.3.4"]}
    assert claim(database) == []


def test_finished_delete_takes_the_rows_and_keeps_the_history(database: Database) -> None:
    factories.add_cluster(database, Action.DELETE)
    (held,) = claim(database)
    database.write(lambda session: operations.finish_delete(session, held))
    counts = database.read(
        lambda session: [
            len(session.scalars(select(model)).all()) for model in (Cluster, NodeGroup, Operation)
        ]
    )
    assert counts == [0, 0, 1]
