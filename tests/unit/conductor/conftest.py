# SPDX-License-Identifier: Apache-2.0
"""A conductor's parts on a fake cloud, moved by hand."""

import copy
import itertools
from collections.abc import Callable
from typing import Any, cast

import pytest
from oslo_config import cfg
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from magnum.conductor.cloud import Cloud
from magnum.conductor.leases import Leases
from magnum.conductor.runner import Runner, Verdict
from magnum.db import repository
from magnum.db.models import Cluster, Event, Operation
from magnum.db.session import Database
from tests.fakes.cloud import FakeCloud, Killed


class Bench:
    """Runs conductors one after another over the same table and cloud.

    :ivar fakes: the cloud they work on.
    """

    def __init__(self, conf: cfg.ConfigOpts, database: Database) -> None:
        conf.set_override("key_type", "ec", "x509")  # RSA keys take most of a test's time
        self.conf = conf
        self.database = database
        self.fakes = FakeCloud()
        self._conductors = 0
        self.new_conductor()

    def new_conductor(self) -> None:
        """Start a process of another name; what the one before had in memory is gone."""
        fakes = self.fakes
        self._conductors += 1
        self.cloud = Cloud(
            self.conf,
            self.database,
            cast("Any", fakes.keystone),
            fakes.store,
            fakes.network,
            cast("Any", fakes.heat.project),
        )
        self.cloud.engines = cast("Any", fakes.swarm)
        self.leases = Leases(self.database, f"conductor-{self._conductors}", 20.0)
        self.runner = Runner(self.cloud, self.leases)

    def expire_leases(self) -> None:
        """Let the time pass in which a dead conductor's operations cannot be claimed."""
        self.database.write(
            lambda session: session.execute(update(Operation).values(lease_expires=0.0))
        )

    def skip_pauses(self) -> None:
        """Let the time pass before a step is tried again."""
        self.database.write(
            lambda session: session.execute(update(Operation).values(not_before=0.0))
        )

    def pass_deadlines(self) -> None:
        """Let the time pass in which what is under way has to be done."""
        self.database.write(lambda session: session.execute(update(Operation).values(deadline=0.0)))

    def work(self, outcome: str = "COMPLETE", rounds: int = 1000) -> None:
        """Claim what there is and carry it to its end, Heat ending everything as said.

        :param rounds: how often at most something is tried.
        """
        for _ in range(rounds):
            claimed = self.leases.claim(10)
            for held in claimed:
                verdict = self.runner.begin(held)
                while verdict is Verdict.WAITING:
                    self.fakes.heat.settle(outcome)
                    assert held.stack_id is not None
                    seen = self.fakes.heat.project("").status_of([held.stack_id])
                    verdict = self.runner.resume(seen.get(held.stack_id), held)
            if not claimed:
                return
            self.fakes.heat.settle(outcome)
            self.skip_pauses()

    def work_through_deaths(self, change: int | None = None, record: int | None = None) -> bool:
        """Work, with the process dying after the n-th change of the cloud or the n-th commit.

        :returns: whether it did.
        """
        self.fakes.die_after = change and len(self.fakes.changes) + change
        self._die_after_commits(record)
        try:
            self.work()
        except Killed:
            died = True
            self.fakes.die_after = None
            self.new_conductor()
            self.expire_leases()
            self.skip_pauses()
            self.work()
        else:
            died = False
        self.fakes.die_after = None
        return died

    def _die_after_commits(self, number: int | None) -> None:
        """Have the present conductor die right after so many transactions it commits."""
        genuine, remaining = self.cloud.database.write, itertools.count(1)

        def write(work: Callable[[Session], Any]) -> Any:
            result = genuine(work)
            if next(remaining) == number:
                raise Killed
            return result

        mortal = copy.copy(self.database)
        mortal.write = write
        self.cloud.database = mortal
        self.leases = Leases(mortal, "mortal", 20.0)
        self.runner = Runner(self.cloud, self.leases)

    def read(self, uuid: str) -> Cluster | None:
        """Return a cluster as it is now."""
        return self.database.read(lambda session: repository.by_uuid(session, Cluster, uuid))

    def operations(self) -> list[Operation]:
        """Return all operations, oldest first."""
        return self.database.read(
            lambda session: list(session.scalars(select(Operation).order_by(Operation.id)))
        )

    def events(self) -> list[Event]:
        """Return all events, oldest first."""
        return self.database.read(
            lambda session: list(session.scalars(select(Event).order_by(Event.id)))
        )


@pytest.fixture
def bench(conf: cfg.ConfigOpts, database: Database) -> Bench:
    """Return a bench with nothing on it."""
    return Bench(conf, database)
