# SPDX-License-Identifier: Apache-2.0
"""What is believed, and after how many tries, whatever else has failed before."""

from collections.abc import Sequence

import pytest

from magnum.clients.errors import Clash, LoginRefused, Missing, NotPermitted
from magnum.conductor.patience import REFUSALS_BELIEVED_AFTER, SURPRISES_BELIEVED_AFTER
from magnum.conductor.run import Unsettled
from magnum.core import errors
from magnum.core.states import Action
from magnum.db.models import Cluster
from tests import factories
from tests.unit.conductor.conftest import Bench

OUTAGE = [errors.Unavailable("Heat")] * 9
WAITS = [Unsettled("Heat is not done with the stack yet.")] * 9
CLASHES = [Clash("Heat", 409, "has an action in progress")] * 9
REFUSALS = [
    LoginRefused("Heat", 401, "no"),
    Missing("Heat", 404, "no"),
    NotPermitted("Heat", 403, "no"),
]
SURPRISES = [RuntimeError("odd")] * SURPRISES_BELIEVED_AFTER


def work_with_many(bench: Bench, call: str, failures: Sequence[Exception]) -> None:
    """Work to the end while a call fails, each try being another conductor's."""
    bench.fakes.refuse(call, *failures)
    for _ in failures:
        bench.work(rounds=1)
        bench.new_conductor()
    bench.work()


def status(bench: Bench, row: Cluster) -> str | None:
    seen = bench.read(row.uuid)
    return seen.status if seen else None


def test_as_many_refusals_as_are_not_believed_are_at_hand() -> None:
    assert len(REFUSALS) == REFUSALS_BELIEVED_AFTER


@pytest.mark.parametrize("before", [OUTAGE, WAITS, CLASHES], ids=["outage", "waits", "clashes"])
@pytest.mark.parametrize("failures", [REFUSALS, SURPRISES], ids=["refusals", "surprises"])
def test_what_waited_long_has_all_its_tries_left(
    bench: Bench, before: list[Exception], failures: list[Exception]
) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    work_with_many(bench, "find stack", [*before, *failures])
    assert status(bench, row) == "CREATE_COMPLETE"


@pytest.mark.parametrize("failures", [REFUSALS, SURPRISES], ids=["refusals", "surprises"])
def test_one_failure_more_is_believed_whoever_counted_the_others(
    bench: Bench, failures: list[Exception]
) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    work_with_many(bench, "find stack", [*OUTAGE, *failures, failures[0]])
    assert status(bench, row) == "CREATE_FAILED"
    assert bench.fakes.calls.count("find stack") == len(OUTAGE) + len(failures) + 1


def test_refusals_and_surprises_are_counted_apart(bench: Bench) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    work_with_many(bench, "find stack", [*SURPRISES, *REFUSALS])
    assert status(bench, row) == "CREATE_COMPLETE"


def test_each_step_has_its_own_tries(bench: Bench) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    bench.fakes.refuse("store", *REFUSALS)
    work_with_many(bench, "find stack", REFUSALS)
    assert status(bench, row) == "CREATE_COMPLETE"


def test_deletion_after_an_outage_has_all_its_tries_left(bench: Bench) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    bench.work()
    bench.database.write(lambda session: factories.add_operation(session, row, Action.DELETE))
    refusals = [NotPermitted("Heat", 403, "no")] * SURPRISES_BELIEVED_AFTER
    work_with_many(bench, "delete stack", [*OUTAGE, *refusals])
    assert status(bench, row) is None
    assert bench.fakes.is_clean


def test_pause_goes_on_growing_whatever_fails(bench: Bench) -> None:
    factories.add_cluster(bench.database, Action.CREATE)
    bench.fakes.refuse("store", *OUTAGE, *REFUSALS)
    pauses = []
    for _ in [*OUTAGE, *REFUSALS]:
        (held,) = bench.leases.claim(1)
        bench.runner.begin(held)
        (operation,) = bench.operations()
        pauses.append(operation.not_before - (operation.deadline - held.claim.seconds_left))
        bench.skip_pauses()
    longest = bench.conf.conductor.retry_interval_max
    assert pauses[0] < 1.5
    assert all(longest / 2 - 1 < pause <= longest + 1 for pause in pauses[6:])
