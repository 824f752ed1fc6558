# SPDX-License-Identifier: Apache-2.0
"""Leases: who may work on what, and who may write."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from magnum.core import errors, states
from magnum.core.states import Action
from magnum.db import claims, leases, operations
from magnum.db.claims import Claim
from magnum.db.functions import now
from magnum.db.models import Cluster, Operation
from magnum.db.session import Database
from tests import factories


def claim(database: Database, owner: str = "one", lease: float = 20.0) -> list[Claim]:
    return database.write(lambda session: claims.claim(session, owner, lease, 10))


def expire(database: Database) -> None:
    database.write(lambda session: session.execute(update(Operation).values(lease_expires=0.0)))


def test_operation_is_claimed_by_one_only(database: Database) -> None:
    factories.add_cluster(database, Action.CREATE)
    assert len(claim(database, "one")) == 1
    assert claim(database, "two") == []


def test_two_that_saw_the_same_row_cannot_both_win(database: Database) -> None:
    factories.add_cluster(database, Action.CREATE)
    (first,) = claim(database, "one")

    def late(session: Session) -> bool:
        seen = update(Operation).where(
            Operation.uuid == first.uuid, Operation.fence == first.fence - 1
        )
        return leases.changed(session, seen.values(lease_owner="two"))

    assert database.write(late) is False


def test_of_many_that_claim_at_once_each_operation_has_one_winner(database: Database) -> None:
    for _ in range(12):
        factories.add_cluster(database, Action.CREATE)
    together = threading.Barrier(6)

    def win(number: int) -> list[str]:
        won: list[str] = []
        together.wait()
        for _ in range(8):
            taken = database.write(
                lambda session: claims.claim(session, f"conductor-{number}", 20.0, 3)
            )
            won += [held.uuid for held in taken]
        return won

    with ThreadPoolExecutor(6) as pool:
        winners = [uuid for won in pool.map(win, range(6)) for uuid in won]
    assert len(winners) == len(set(winners)) == 12


def test_lease_that_ran_out_is_claimed_with_a_higher_fence(database: Database) -> None:
    factories.add_cluster(database, Action.CREATE)
    (first,) = claim(database, "one", lease=-1.0)
    (second,) = claim(database, "two")
    assert second.fence == first.fence + 1
    with pytest.raises(errors.LeaseLost):
        database.write(
            lambda session: operations.record_step(session, first, "stack", {}, {"name": "x"})
        )
    assert database.read(lambda session: session.scalar(select(Cluster.name))) != "x"


def test_recorded_step_is_where_the_next_claim_goes_on(database: Database) -> None:
    factories.add_cluster(database, Action.CREATE)
    (first,) = claim(database)
    database.write(
        lambda session: operations.record_step(session, first, "stack", {"a": 1}, {"stack_id": "s"})
    )
    expire(database)
    (second,) = claim(database, "two")
    assert (second.step, second.progress) == ("stack", {"a": 1})


def test_renewal_keeps_a_lease_and_tells_what_is_lost(database: Database) -> None:
    factories.add_cluster(database, Action.CREATE)
    factories.add_cluster(database, Action.CREATE)
    kept, lost = claim(database, "one")
    ran_out = update(Operation).where(Operation.uuid == lost.uuid).values(lease_expires=0.0)
    database.write(lambda session: session.execute(ran_out))
    claim(database, "two")
    still = database.write(lambda session: claims.renew(session, "one", 20.0, [kept, lost]))
    assert still == {kept.uuid}


def test_renewal_of_a_claim_that_its_own_owner_made_anew_keeps_only_the_new_one(
    database: Database,
) -> None:
    factories.add_cluster(database, Action.CREATE)
    (stale,) = claim(database, "one", lease=-1.0)
    (fresh,) = claim(database, "one")

    def renew(held: Claim) -> set[str]:
        return database.write(lambda session: claims.renew(session, "one", 20.0, [held]))

    assert renew(stale) == set()
    assert renew(fresh) == {fresh.uuid}


def test_superseded_operation_is_lost_but_its_lease_lives_until_let_go(
    database: Database,
) -> None:
    row = factories.add_cluster(database, Action.CREATE)
    (creation,) = claim(database, "one")
    database.write(lambda session: factories.add_operation(session, row, Action.DELETE))
    still = database.write(lambda session: claims.renew(session, "one", 20.0, [creation]))
    assert still == set()
    assert claim(database, "two") == []
    database.write(lambda session: claims.let_go(session, creation))
    (deletion,) = claim(database, "two")
    assert deletion.action is Action.DELETE


def test_superseded_operation_of_a_dead_conductor_blocks_until_its_lease_ends(
    database: Database,
) -> None:
    row = factories.add_cluster(database, Action.CREATE)
    claim(database, "dead")
    database.write(lambda session: factories.add_operation(session, row, Action.DELETE))
    assert claim(database, "two") == []
    expire(database)
    (deletion,) = claim(database, "two")
    assert deletion.action is Action.DELETE


def test_released_operation_waits_its_pause(database: Database) -> None:
    factories.add_cluster(database, Action.CREATE)
    (first,) = claim(database)
    database.write(lambda session: claims.release(session, first, 60.0, "no answer"))
    assert claim(database) == []
    database.write(lambda session: session.execute(update(Operation).values(not_before=0.0)))
    (second,) = claim(database)
    assert (second.attempts, second.trouble) == (1, "no answer")


def test_pause_that_begins_while_another_claims_is_kept(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.add_cluster(database, Action.CREATE)
    (late,) = claim(database, "one", lease=-1.0)
    take = leases.Leases._take

    def take_late(self: leases.Leases[Operation], session: Session, *rest: Any) -> bool:
        claims.release(session, late, 60.0, "no answer")
        return take(self, session, *rest)

    monkeypatch.setattr(leases.Leases, "_take", take_late)
    assert claim(database, "two") == []


def test_oldest_come_first_and_no_more_than_asked_for(database: Database) -> None:
    rows = [factories.add_cluster(database, Action.CREATE) for _ in range(3)]
    taken = database.write(lambda session: claims.claim(session, "one", 20.0, 2))
    assert [held.cluster_id for held in taken] == [row.uuid for row in rows[:2]]


def test_seconds_left_follow_the_databases_clock(database: Database) -> None:
    row = factories.add_cluster(database)
    database.write(lambda session: factories.add_operation(session, row, Action.CREATE, 100.0))
    (held,) = claim(database)
    assert 95.0 < held.seconds_left <= 100.0
    assert (database.read(lambda session: session.scalar(select(now()))) or 0) > 1.7e9


def test_open_states_are_what_can_be_claimed(database: Database) -> None:
    factories.add_cluster(database, Action.CREATE)
    for state in set(states.OperationState) - set(states.OPEN_OPERATION_STATES):
        database.write(
            lambda session, state=state: session.execute(update(Operation).values(state=state))
        )
        assert claim(database) == []


def wait(database: Database, *held: Claim) -> None:
    """Record that operations wait for their stacks."""
    for one in held:
        database.write(
            lambda session, one=one: operations.record_step(
                session, one, "stack", {}, {}, waiting=True
            )
        )


def watchers(database: Database) -> dict[str, str]:
    return database.read(lambda session: claims.watchers(session, [factories.PROJECT]))


def test_watcher_of_a_project_holds_its_oldest_waiting_operation(database: Database) -> None:
    for _ in range(3):
        factories.add_cluster(database, Action.CREATE)
    (first,) = database.write(lambda session: claims.claim(session, "one", 20.0, 1))
    others = claim(database, "two")
    assert watchers(database) == {}  # nobody waits yet
    wait(database, *others)
    assert watchers(database) == {factories.PROJECT: "two"}
    wait(database, first)
    assert watchers(database) == {factories.PROJECT: "one"}


def test_waiting_operation_is_claimed_by_its_projects_watcher_alone(database: Database) -> None:
    for _ in range(2):
        factories.add_cluster(database, Action.CREATE)
    first, second = claim(database, "one")
    wait(database, first, second)
    database.write(lambda session: claims.release(session, second, 0.0, None))
    assert claim(database, "two") == []
    assert [held.uuid for held in claim(database, "one")] == [second.uuid]


def test_waiting_operations_of_a_dead_watcher_are_claimed_by_anyone(database: Database) -> None:
    for _ in range(2):
        factories.add_cluster(database, Action.CREATE)
    wait(database, *claim(database, "dead"))
    assert claim(database, "two") == []
    expire(database)
    assert len(claim(database, "two")) == 2


def test_operation_that_goes_on_after_waiting_is_watched_no_more(database: Database) -> None:
    factories.add_cluster(database, Action.CREATE)
    (held,) = claim(database)
    wait(database, held)
    database.write(lambda session: operations.record_step(session, held, "wait", {}, {}))
    assert watchers(database) == {}
