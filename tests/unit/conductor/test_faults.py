# SPDX-License-Identifier: Apache-2.0
"""What a bay depends on fails at any step: no operation is lost, doubled or without an end.

Each table says which calls an operation makes and to whom.  Deaths are in test_deaths.py, what a
look at the stacks makes of a fault in test_watch.py.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from oslo_config import cfg
from sqlalchemy import update

from magnum.clients.errors import LoginRefused, Missing, NotPermitted
from magnum.clients.neutron import Port
from magnum.conductor.patience import REFUSALS_BELIEVED_AFTER, SURPRISES_BELIEVED_AFTER
from magnum.conductor.runner import Verdict
from magnum.core import errors
from magnum.core.states import Action
from magnum.db.models import Cluster, Operation
from magnum.db.session import Database
from magnum.heat.stacks import StackResource
from tests import factories
from tests.fakes.cloud import MOMENT
from tests.fakes.database import FlakyDatabase
from tests.unit.conductor.conftest import Bench

CREATE = {
    "grant": "Keystone",
    "store": "Barbican",
    "load": "Barbican",
    "user": "Keystone",
    "find stack": "Heat",
    "create stack": "Heat",
    "outputs": "Heat",
}
UPDATE = {"grant": "Keystone", "find stack": "Heat", "update stack": "Heat", "outputs": "Heat"}
DELETE = {
    "grant": "Keystone",
    "find stack": "Heat",
    "resources": "Heat",
    "ports": "Neutron",
    "delete port": "Neutron",
    "delete stack": "Heat",
    "delete user": "Keystone",
    "delete secret": "Barbican",
    "revoke": "Keystone",
}
CALLS = [
    pytest.param(action, call, service, id=f"{action.lower()}-{call}")
    for action, table in ((Action.CREATE, CREATE), (Action.UPDATE, UPDATE), (Action.DELETE, DELETE))
    for call, service in table.items()
]
READ_ONLY = {"load", "find stack", "outputs", "resources", "ports"}
CHANGES = [row for row in CALLS if row.values[1] not in READ_ONLY]


# What can be asked for; a rollback follows from an update and is tested in test_rollback.py.
TRANSACTIONS = {Action.CREATE: 13, Action.UPDATE: 14, Action.DELETE: 13}


def each(rows: list[Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("action", "call", "service"), rows)


def ask(bench: Bench, row: Cluster, action: Action) -> None:
    seconds = 60.0 * bench.conf.cluster_heat[f"{action.lower()}_timeout"]
    bench.database.write(lambda session: factories.add_operation(session, row, action, seconds))


def asked_for(bench: Bench, action: Action) -> Cluster:
    """Have an operation asked for, of a cluster with a stray port, and a conductor just started."""
    row = factories.add_cluster(bench.database, Action.CREATE)
    if action is Action.CREATE:
        return row
    bench.work()
    (stack,) = bench.fakes.heat.living()
    network = ("network", "network", "OS::Neutron::Net", "CREATE_COMPLETE", "", "net", MOMENT)
    bench.fakes.heat.resources_of[stack.id] = [StackResource(*network)]
    bench.fakes.network.ports["net"] = [Port("stray", "", "", "", frozenset(), ())]
    ask(bench, row, action)
    bench.new_conductor()
    return row


def assert_done(bench: Bench, row: Cluster, action: Action) -> None:
    """Check that it came to its end, and that of everything there is one."""
    seen = bench.read(row.uuid)
    if action is Action.DELETE:
        assert seen is None
        assert bench.fakes.is_clean
        assert not bench.fakes.network.ports["net"]
        return
    assert seen is not None
    assert (seen.status, seen.status_reason) == (f"{action}_COMPLETE", None)
    assert bench.fakes.heat.created == len(bench.fakes.heat.living()) == 1
    assert bench.fakes.store.made == len(bench.fakes.store.bundles) == 2
    assert len(bench.fakes.keystone.users) == 2


def assert_failed(bench: Bench, row: Cluster, action: Action) -> str:
    """Check that it is told as failed, that deleting leaves nothing then, and return the reason."""
    seen = bench.read(row.uuid)
    assert seen is not None
    assert seen.status == f"{action}_FAILED"
    told = bench.events()[-1]
    assert (told.severity, told.text) == ("ERROR", seen.status_reason)
    bench.fakes.heal()
    ask(bench, row, Action.DELETE)
    bench.work()
    assert bench.read(row.uuid) is None
    assert bench.fakes.is_clean
    return seen.status_reason or ""


@each(CALLS)
def test_service_that_is_away_for_a_while_is_waited_for(
    bench: Bench, action: Action, call: str, service: str
) -> None:
    row = asked_for(bench, action)
    bench.fakes.refuse(call, *[errors.Unavailable(service, "HTTP 500")] * 3)
    bench.work()
    assert_done(bench, row, action)
    told = [event.text for event in bench.events() if event.severity == "WARNING"]
    assert told == [f"{service} does not answer, try again later: HTTP 500. Trying again."]


@each(CALLS)
def test_service_that_is_away_past_the_deadline_is_named(
    bench: Bench, action: Action, call: str, service: str
) -> None:
    row = asked_for(bench, action)
    bench.fakes.refuse(call, *[errors.Unavailable(service)] * 99)
    bench.work(rounds=2)
    bench.pass_deadlines()
    bench.work()
    reason = assert_failed(bench, row, action)
    assert reason.startswith(f"The {action.lower()} was not done in the time it had")
    assert f"{service} does not answer" in reason


@each(CALLS)
def test_refusal_that_stays_is_told_in_the_words_of_the_service(
    bench: Bench, action: Action, call: str, service: str
) -> None:
    row = asked_for(bench, action)
    bench.fakes.refuse(call, *[NotPermitted(service, 403, "not this one")] * 99)
    bench.work()
    assert "not this one" in assert_failed(bench, row, action)


@each(CALLS)
def test_token_or_role_lost_in_the_middle_is_got_anew(
    bench: Bench, action: Action, call: str, service: str
) -> None:
    row = asked_for(bench, action)
    refusal = LoginRefused(service, 401, "Could not recognize token")
    bench.fakes.refuse(call, *[refusal] * REFUSALS_BELIEVED_AFTER)
    bench.work()
    assert_done(bench, row, action)


@each(CALLS)
def test_surprise_is_outlived(bench: Bench, action: Action, call: str, service: str) -> None:
    row = asked_for(bench, action)
    bench.fakes.refuse(call, *[RuntimeError("odd")] * SURPRISES_BELIEVED_AFTER)
    bench.work()
    assert_done(bench, row, action)


@each(CHANGES)
def test_answer_that_is_lost_makes_nothing_twice(
    bench: Bench, action: Action, call: str, service: str
) -> None:
    row = asked_for(bench, action)
    bench.fakes.lose(call, *[errors.Unavailable(service, "timed out")] * 2)
    bench.work()
    assert_done(bench, row, action)


@pytest.fixture
def flaky(conf: cfg.ConfigOpts, database: Database) -> Iterator[Bench]:
    """Return a bench whose database goes away at will."""
    database = FlakyDatabase()
    yield Bench(conf, database)
    database.engine.dispose()


def work_without_database(bench: Bench, first: int, count: int, lost_answer: bool) -> bool:
    """Work while the database is away for some transactions; tell whether it was at all."""
    assert isinstance(bench.database, FlakyDatabase)
    bench.database.fail(first, count, lost_answer)
    was_away = False
    for _ in range(count + 1):
        try:
            bench.work()
        except errors.Unavailable:  # when claiming: the next sweep comes
            was_away = True
    was_away = was_away or bench.database.calls >= first
    bench.database.back()
    bench.expire_leases()
    bench.work()
    return was_away


@pytest.mark.parametrize("lost_answer", [False, True], ids=["away", "answer lost"])
@pytest.mark.parametrize(
    ("action", "first"),
    [(action, first) for action, count in TRANSACTIONS.items() for first in range(1, count + 1)],
)
def test_database_may_go_away_at_any_transaction(
    flaky: Bench, action: Action, first: int, lost_answer: bool
) -> None:
    row = asked_for(flaky, action)
    assert work_without_database(flaky, first, 1 if lost_answer else 4, lost_answer)
    assert_done(flaky, row, action)


@pytest.mark.parametrize("is_shown", [False, True])
@pytest.mark.parametrize("action", [Action.CREATE, Action.UPDATE])
def test_stack_that_its_owner_deletes_meanwhile_is_missed(
    bench: Bench, action: Action, is_shown: bool
) -> None:
    row = asked_for(bench, action)
    (held,) = bench.leases.claim(1)
    assert bench.runner.begin(held) is Verdict.WAITING
    (stack,) = bench.fakes.heat.living()
    deleted = dataclasses.replace(stack, status="DELETE_COMPLETE")
    bench.fakes.heat.stacks.clear()
    bench.runner.resume(deleted if is_shown else None, held)
    assert "was deleted while" in assert_failed(bench, row, action)


def test_update_without_a_stack_says_what_is_left_to_do(bench: Bench) -> None:
    row = asked_for(bench, Action.UPDATE)
    bench.fakes.heat.stacks.clear()
    bench.work()
    assert "only deleting it is possible" in assert_failed(bench, row, Action.UPDATE)


@pytest.mark.parametrize("call", ["find stack", "resources", "delete stack"])
def test_stack_that_goes_just_before_we_delete_it_is_fine(bench: Bench, call: str) -> None:
    row = asked_for(bench, Action.DELETE)
    bench.fakes.network.ports.clear()
    bench.fakes.network.ports["net"] = []
    bench.fakes.heat.stacks.clear()
    bench.fakes.refuse(call, Missing("Heat", 404, "The Stack (x) could not be found"))
    bench.work()
    assert_done(bench, row, Action.DELETE)


@pytest.mark.parametrize("action", TRANSACTIONS)
def test_heat_that_never_ends_is_given_up_at_the_deadline(bench: Bench, action: Action) -> None:
    row = asked_for(bench, action)
    (held,) = bench.leases.claim(1)
    assert bench.runner.begin(held) is Verdict.WAITING
    (stack,) = bench.fakes.heat.living()
    ready = ("ready", "node/ready", "OS::Heat::WaitCondition", f"{action}_IN_PROGRESS", "", "")
    bench.fakes.heat.resources_of[stack.id] = [StackResource(*ready, MOMENT)]
    bench.runner.expire(held)
    assert "still waiting for node/ready" in assert_failed(bench, row, action)


@pytest.mark.parametrize("action", TRANSACTIONS)
def test_conductor_that_a_clock_deprives_of_its_lease_changes_nothing_more(
    bench: Bench, action: Action
) -> None:
    row = asked_for(bench, action)
    (held,) = bench.leases.claim(1)
    deprived = bench.runner
    assert deprived.begin(held) is Verdict.WAITING
    bench.expire_leases()  # the database's clock jumps, ours does not
    bench.new_conductor()
    bench.work()
    changes = len(bench.fakes.changes)
    assert deprived.resume(None, held) is Verdict.OVER
    assert len(bench.fakes.changes) == changes
    assert_done(bench, row, action)


def test_stack_that_heat_makes_after_nobody_waits_for_it_goes_with_the_bay(bench: Bench) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    bench.fakes.refuse("create stack", TimeoutError())
    (held,) = bench.leases.claim(1)
    bench.runner.begin(held)
    ask(bench, row, Action.DELETE)
    (held,) = bench.leases.claim(1)
    bench.runner.begin(held)
    assert bench.read(row.uuid) is not None
    bench.fakes.heat.catch_up()
    bench.skip_pauses()
    bench.work()
    assert bench.fakes.heat.created == 1
    assert bench.read(row.uuid) is None
    assert bench.fakes.is_clean


def test_stack_that_heat_never_makes_is_waited_for_a_minute(bench: Bench) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    bench.fakes.refuse("create stack", TimeoutError())
    (held,) = bench.leases.claim(1)
    bench.runner.begin(held)
    ask(bench, row, Action.DELETE)
    (held,) = bench.leases.claim(1)
    bench.runner.begin(held)
    bench.database.write(
        lambda session: session.execute(
            update(Operation).values(deadline=Operation.deadline - 61, not_before=0.0)
        )
    )
    bench.work()
    assert bench.read(row.uuid) is None
    assert bench.fakes.is_clean
