# SPDX-License-Identifier: Apache-2.0
"""A conductor's parts that concern containers, over a table and engines with state."""

import dataclasses
import time
import uuid
from typing import Any, cast

from oslo_config import cfg
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from magnum.conductor.cloud import Cloud
from magnum.conductor.containers.verbs import Containers
from magnum.core import container
from magnum.core.container import Seen
from magnum.core.placement import Engine
from magnum.db import containers, repository
from magnum.db.models import (
    Cluster,
    ClusterTemplate,
    Container,
    ContainerCreation,
    Event,
    NodeGroup,
)
from magnum.db.session import Database
from magnum.rpc.messages import ContainerCall, EnginesCall, StatusesCall
from tests import factories
from tests.fakes.cloud import FakeCloud
from tests.fakes.docker import FakeDocker, FakeEngine

SECONDS = 8.0


class ContainersBench:
    """One bay of a manager and two workers, and whoever is the conductor now.

    :ivar docker: its engines.
    """

    def __init__(self, conf: cfg.ConfigOpts, database: Database) -> None:
        self.conf = conf
        self.database = database
        self.docker = FakeDocker()
        self._fakes = FakeCloud()
        self._conductors = 0
        self.bay = factories.add_cluster(database, status="CREATE_COMPLETE").uuid
        self.database.write(self._make_plain)
        self.place(["10.0.0.1"], ["10.0.0.2", "10.0.0.3"])
        self.new_conductor()

    @staticmethod
    def _make_plain(session: Session) -> None:
        session.execute(update(ClusterTemplate).values(tls_disabled=True))

    def new_conductor(self) -> None:
        """Start a process of another name; what the one before had in memory is gone."""
        self._conductors += 1
        nobody = cast("Any", self._fakes)
        fakes = self._fakes
        cloud = Cloud(self.conf, self.database, nobody, fakes.store, fakes.network, nobody)
        cloud.engines = cast("Any", self.docker)
        self.conductor = Containers(cloud, f"conductor-{self._conductors}")
        self.creations = self.conductor.creations

    def place(self, masters: list[str], workers: list[str]) -> None:
        """Say where the bay's nodes are."""

        def write(session: Session) -> None:
            for role, addresses in (("master", masters), ("worker", workers)):
                its = (NodeGroup.cluster_id == self.bay, NodeGroup.role == role)
                session.execute(update(NodeGroup).where(*its).values(node_addresses=addresses))

        self.database.write(write)

    def write(self, **values: Any) -> str:
        """Write a container to the table as the API does."""
        engines = [
            Engine(machine.node_id, machine.address, 2**30, is_manager=machine.is_manager)
            for machine in self.docker.machines.values()
        ]
        identity = str(uuid.uuid4())

        def write(session: Session) -> None:
            on = cast("Cluster", repository.by_uuid(session, Cluster, self.bay))
            containers.add(
                session, factories.container(on, uuid=identity, **values), engines, 600.0
            )

        self.database.write(write)
        return identity

    def created(self, **values: Any) -> str:
        """Write a container and have it made."""
        identity = self.write(**values)
        self.call("create", identity)
        return identity

    def call(self, verb: str, container: str, command: str | None = None) -> Any:
        """Call the conductor; its errors are raised as they are."""
        message = ContainerCall(container, SECONDS, command)
        return self.conductor.verbs[f"container_{verb}"](message)

    def engines(self) -> set[str]:
        """Return the addresses of the engines that take containers, as a new survey finds them."""
        found = self.conductor.verbs["container_engines"](EnginesCall(self.bay, SECONDS))
        return {engine["address"] for engine in found}

    def statuses(self, *uuids: str) -> dict[str, Seen]:
        """Return how containers are, as a list finds it."""
        return self.listed(self.places(*uuids))

    def places(self, *uuids: str) -> StatusesCall:
        """Ask for the states of containers as the API does that has read their rows."""
        rows = self.database.read(lambda session: containers.by_uuids(session, uuids))
        places = [dataclasses.asdict(place) for place in container.places(rows)]
        return StatusesCall(places, SECONDS)

    def listed(self, call: StatusesCall) -> dict[str, Seen]:
        """Call for a list."""
        return container.ungroup(self.conductor.verbs["container_list"](call))

    def status(self, container: str) -> Seen:
        """Return how one is, as a show finds it."""
        return Seen(**self.call("show", container))

    def row(self, container: str) -> Container | None:
        """Read a container's row."""
        return self.database.read(lambda session: repository.by_uuid(session, Container, container))

    def statuses_in_table(self, *uuids: str) -> list[str]:
        """Read the statuses of containers as the table has them."""
        return [row.status for row in map(self.row, uuids) if row is not None]

    def machine(self, container: str) -> FakeEngine:
        """Return the engine a container is placed on."""
        row = self.row(container)
        assert row is not None
        return self.docker.machines[str(row.host)]

    def let_time_pass(self) -> None:
        """Let leases run out and pauses end."""
        self.database.write(
            lambda session: session.execute(
                update(ContainerCreation).values(lease_expires=0.0, not_before=0.0)
            )
        )

    def sweep(self) -> None:
        """Have what there is carried on once, to its end."""
        self.let_time_pass()
        self.creations.sweep()
        self.wait()

    def wait(self, most: int = 0) -> None:
        """Wait until the conductor holds at most so many creations."""
        deadline = time.monotonic() + 10
        while self.creations.held > most:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def out_of_time(self, container: str) -> None:
        """Let the time pass that a creation has in all."""
        its = ContainerCreation.container_id == container
        self.database.write(
            lambda session: session.execute(update(ContainerCreation).where(its).values(deadline=0))
        )

    def attempts(self, container: str) -> int | None:
        """Read how often the creation of a container has failed."""
        query = select(ContainerCreation.attempts).where(
            ContainerCreation.container_id == container
        )
        return self.database.read(lambda session: session.scalar(query))

    def move(self, container: str, machine: FakeEngine) -> None:
        """Place a container on another engine."""
        values = {"host": machine.address, "host_id": machine.node_id}
        self.database.write(
            lambda session: session.execute(
                update(Container).where(Container.uuid == container).values(**values)
            )
        )

    def told(self) -> list[tuple[str, str]]:
        """Return the bay's events."""
        query = select(Event.resource, Event.text).where(Event.cluster_id == self.bay)
        found = self.database.read(lambda session: session.execute(query).all())
        return [(resource, text) for resource, text in found]
