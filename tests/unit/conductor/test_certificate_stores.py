# SPDX-License-Identifier: Apache-2.0
"""Creations and deletions when their certificate store is silent, whichever store it is."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any, cast

import pytest
from oslo_config import cfg

from magnum.conductor.runner import Verdict
from magnum.core.states import Action
from magnum.db.models import Cluster
from tests import factories
from tests.unit.certs import shelves
from tests.unit.certs.shelves import Shelf
from tests.unit.conductor.conftest import Bench


@pytest.fixture(params=shelves.KINDS)
def shelf(
    request: pytest.FixtureRequest, conf: cfg.ConfigOpts, keys: object, bench: Bench
) -> Iterator[Shelf]:
    """The shelf behind the store that the bench's conductors have."""
    with closing(shelves.make(request.param, conf)) as shelf:
        bench.fakes.store = cast("Any", shelf.open())
        bench.new_conductor()
        yield shelf


def try_often(bench: Bench) -> None:
    """Let the present operation fail a number of times, and none of them be the end."""
    for _ in range(6):
        (held,) = bench.leases.claim(1)
        assert bench.runner.begin(held) is Verdict.OVER
        bench.skip_pauses()


def seen(bench: Bench, row: Cluster) -> Cluster:
    found = bench.read(row.uuid)
    assert found is not None
    return found


def test_creation_waits_until_its_deadline_and_names_the_store(bench: Bench, shelf: Shelf) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    shelf.fall_silent()
    try_often(bench)
    assert seen(bench, row).status == "CREATE_IN_PROGRESS"
    (told,) = [event for event in bench.events() if event.severity == "WARNING"]
    assert told.text.startswith(f"{shelf.name} does not answer, try again later")
    bench.pass_deadlines()
    bench.work()
    failed = seen(bench, row)
    assert failed.status == "CREATE_FAILED"
    assert f"The last trouble was: {shelf.name} does not answer" in (failed.status_reason or "")
    assert bench.fakes.heat.created == 0


def test_deletion_waits_until_its_deadline_and_can_be_asked_for_again(
    bench: Bench, shelf: Shelf
) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    bench.work()
    assert seen(bench, row).status == "CREATE_COMPLETE"
    bench.database.write(lambda session: factories.add_operation(session, row, Action.DELETE))
    shelf.fall_silent()
    (held,) = bench.leases.claim(1)
    assert bench.runner.begin(held) is Verdict.WAITING
    bench.fakes.heat.settle()
    assert bench.runner.resume(None, held) is Verdict.OVER
    bench.skip_pauses()
    try_often(bench)
    assert seen(bench, row).status == "DELETE_IN_PROGRESS"
    bench.pass_deadlines()
    bench.work()
    failed = seen(bench, row)
    assert failed.status == "DELETE_FAILED"
    assert f"{shelf.name} does not answer" in (failed.status_reason or "")
    shelf.answer_again()
    bench.database.write(lambda session: factories.add_operation(session, row, Action.DELETE))
    bench.work()
    assert bench.read(row.uuid) is None
    assert "magnum-" not in shelf.at_rest()
