# SPDX-License-Identifier: Apache-2.0
"""A bay in the table whose nodes are real engines, and the conductor that is asked about them."""

import contextlib
import dataclasses
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, cast

import docker
from oslo_config import cfg
from sqlalchemy import update
from sqlalchemy.orm import Session

from magnum.conductor.cloud import Cloud
from magnum.conductor.containers.verbs import Containers
from magnum.core import container
from magnum.core.container import parse_memory
from magnum.core.placement import Engine
from magnum.db import containers, repository
from magnum.db.models import Cluster, Container, ContainerCreation, NodeGroup
from magnum.db.session import Database
from magnum.rpc.messages import Answer, ContainerCall, EnginesCall, StatusesCall
from magnum.rpc.server import Answers
from tests import factories
from tests.engines.daemon import Daemon
from tests.engines.registry import IMAGE
from tests.engines.swarm import Swarm
from tests.fakes.cloud import FakeCloud

SLEEP = "sleep 1000"
CALL_SECONDS = 8.0


class Bay:
    """What tests do with one bay.

    :ivar uuid: its own.
    :ivar conductor: the parts of a conductor that concern containers.
    :ivar store: what the certificate store has.
    """

    def __init__(self, conf: cfg.ConfigOpts, database: Database, swarm: Swarm) -> None:
        self.conf = conf
        self.database = database
        self.swarm = swarm
        self._fakes = FakeCloud()
        authority = swarm.authority
        self.store = {"ca": authority.ca, "conductor": authority.conductor}
        self._fakes.store.bundles = self.store
        self._conductors = 0
        self._stopping = threading.Event()
        row = factories.add_cluster(
            database,
            name="bay",
            status="CREATE_COMPLETE",
            ca_cert_ref="ref:ca",
            magnum_cert_ref="ref:conductor",
        )
        self.uuid = row.uuid
        self.place([swarm.manager.address], [worker.address for worker in swarm.workers])
        self.new_conductor()

    def close(self) -> None:
        """Stop what runs."""
        self._stopping.set()
        self.conductor.creations.close()

    def new_conductor(self) -> None:
        """Start a process of another name; what the one before had in memory is gone."""
        self._conductors += 1
        fakes = self._fakes
        self.cloud = Cloud(
            self.conf,
            self.database,
            cast("Any", fakes.keystone),
            fakes.store,
            fakes.network,
            cast("Any", fakes.heat.project),
        )
        self.conductor = Containers(self.cloud, f"conductor-{self._conductors}")
        self._answers = Answers(self.conductor.verbs, self.conf.docker.calls)

    def place(self, masters: list[str], workers: list[str]) -> None:
        """Say where its nodes are."""

        def write(session: Session) -> None:
            for role, addresses in (("master", masters), ("worker", workers)):
                session.execute(
                    update(NodeGroup)
                    .where(NodeGroup.cluster_id == self.uuid, NodeGroup.role == role)
                    .values(node_addresses=addresses)
                )

        self.database.write(write)

    def change(self, **values: Any) -> None:
        """Change columns of its row."""
        self.database.write(
            lambda session: session.execute(
                update(Cluster).where(Cluster.uuid == self.uuid).values(**values)
            )
        )

    def answer(self, verb: str, message: Any) -> Answer:
        """Call the conductor as the bus does."""
        return Answer(**self._answers.answer(f"container_{verb}", message.to_wire()))

    def call(self, verb: str, container: str, command: str | None = None) -> Any:
        """Do something with a container; errors are raised as the API gets them."""
        return self.answer(verb, ContainerCall(container, CALL_SECONDS, command)).unwrap()

    def answer_within(self, seconds: float, verb: str, container: str) -> Any:
        """Do something with a container whose caller waits only so long."""
        return self.answer(verb, ContainerCall(container, seconds)).unwrap()

    def engines(self) -> list[Engine]:
        """Ask for the engines that take containers."""
        found = self.answer("engines", EnginesCall(self.uuid, CALL_SECONDS)).unwrap()
        return [Engine(**each) for each in found]

    def statuses(self, *uuids: str, seconds: float = 4.0) -> dict[str, tuple[str, str | None]]:
        """Ask for the states of containers as a list does."""
        rows = self.database.read(lambda session: containers.by_uuids(session, uuids))
        places = [dataclasses.asdict(place) for place in container.places(rows)]
        found = self.answer("list", StatusesCall(places, seconds)).unwrap()
        seen = container.ungroup(found)
        return {key: (each.status, each.reason) for key, each in seen.items()}

    def status(self, container: str) -> tuple[str, str | None]:
        """Ask for the state of one as a show does."""
        found = self.call("show", container)
        return found["status"], found["reason"]

    def write(self, engines: list[Engine] | None = None, **values: Any) -> str:
        """Write a container to the table as the API does; the uuid of it."""
        engines = self.engines() if engines is None else engines
        values = {"name": f"c-{uuid.uuid4().hex[:8]}", "image": IMAGE, "command": SLEEP, **values}
        if values.get("memory"):
            values["memory_bytes"] = parse_memory(values["memory"])
        identity = str(uuid.uuid4())

        def write(session: Session) -> None:
            on = repository.by_uuid(session, Cluster, self.uuid)
            row = factories.container(cast("Cluster", on), uuid=identity, **values)
            containers.add(session, row, engines, 600.0)

        self.database.write(write)
        return identity

    def create(self, **values: Any) -> str:
        """Write a container and have it made."""
        identity = self.write(**values)
        self.call("create", identity)
        return identity

    def row(self, container: str) -> Container | None:
        """Read a container's row."""
        return self.database.read(lambda session: repository.by_uuid(session, Container, container))

    def daemon_of(self, container: str) -> Daemon:
        """Return the engine that a container is placed on."""
        row = self.row(container)
        return next(each for each in self.swarm.daemons if row and each.address == row.host)

    @contextlib.contextmanager
    def docker_of(self, container: str) -> Iterator[docker.APIClient]:
        """Yield a client of that engine's own socket: docker beside the service."""
        with contextlib.closing(self.daemon_of(container).local()) as client:
            yield client

    def copies(self, container: str) -> int:
        """Count what the engines have of a container."""
        count = 0
        for daemon in self.swarm.daemons:
            with contextlib.closing(daemon.local()) as client:
                label = {"label": f"magnum.container={container}"}
                count += len(client.containers(all=True, filters=label))
        return count

    def expire_leases(self) -> None:
        """Let the time pass in which what a dead conductor held cannot be claimed."""
        self.database.write(
            lambda session: session.execute(
                update(ContainerCreation).values(lease_expires=0.0, not_before=0.0)
            )
        )

    def sweep_until(self, condition: Callable[[], Any], seconds: float = 20.0) -> None:
        """Let the conductor take up what there is until something has come about."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not come about"
            self.conductor.creations.sweep()
            time.sleep(0.05)
