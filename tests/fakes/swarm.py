# SPDX-License-Identifier: Apache-2.0
"""A bay's engines with state: nodes that come and go with the stack's servers, tasks, tokens."""

import dataclasses
import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from magnum.clients.docker.errors import (
    EngineConflict,
    EngineFailed,
    EngineMissing,
    EngineUnreachable,
)
from magnum.clients.docker.swarm import EngineInfo, Member, Task

if TYPE_CHECKING:
    from tests.fakes.cloud import FakeCloud

MANAGER_ADDRESS = "192.0.2.4"


class FakeSwarm:
    """The engines of the one bay that a test is about, in the place of ``Engines`` of the pool.

    :ivar listed: members by name, whether or not their servers still run.
    :ivar addresses: where the engine of each listens.
    :ivar tasks: of services, by the name of the node that they are on.
    :ivar containers: that are no tasks, likewise.
    :ivar stubborn: nodes whose tasks do not end.
    :ivar silent: addresses where nothing answers.
    :ivar trusted: what each call was made with.
    :ivar closed: how often connections were closed.
    """

    def __init__(self, cloud: "FakeCloud") -> None:
        self._cloud = cloud
        self._numbers = itertools.count(1)
        self.listed: dict[str, Member] = {}
        self.addresses: dict[str, str] = {}
        self.tasks: dict[str, int] = {}
        self.containers: dict[str, int] = {}
        self.stubborn: set[str] = set()
        self.silent: set[str] = set()
        self.trusted: list[Any] = []
        self.closed = 0
        self.rotations = {"manager": 0, "worker": 0}

    def engine(self, address: str, trust: Any) -> "FakeEngine":
        """Return the engine at an address."""
        self.trusted.append(trust)
        return FakeEngine(self._cloud, self, address)

    def token(self, role: str) -> str:
        """Return what nodes of a role join with now."""
        return f"SWMTKN-1-{role}-{self.rotations[role]}"

    def join(self, name: str, address: str, *, is_manager: bool = False) -> None:
        """Have a node join, unless it has; as the last step of its first boot does."""
        if name in self.listed:
            return
        self.addresses[name] = address
        role = "manager" if is_manager else "worker"
        self.listed[name] = Member(
            id=f"id{next(self._numbers)}",
            hostname=name,
            role="manager" if is_manager else "worker",
            availability="active",
            state="ready",
            message="",
            address=address,
            is_leader=is_manager,
            is_reachable=True if is_manager else None,
            memory=1 << 30,
            cpus=1.0,
            engine_version="20.10.24",
            version=1,
            description={"Role": role, "Availability": "active", "Labels": {}},
        )

    def set(self, name: str, **values: Any) -> None:
        """Change a member behind the back of everybody."""
        self.listed[name] = dataclasses.replace(self.listed[name], **values)

    def lose(self, name: str) -> None:
        """Notice that a node's server has gone."""
        if name in self.listed:
            self.set(name, state="down")

    def promote(self, name: str) -> None:
        """Make a worker a manager, as its user may."""
        self.set(name, role="manager", is_reachable=True)

    def is_drained(self, name: str) -> bool:
        """Tell whether a node takes no tasks."""
        return self.listed[name].availability == "drain"

    def by_id(self, node_id: str) -> str:
        """Return the name of a member."""
        for name, member in self.listed.items():
            if member.id == node_id:
                return name
        raise EngineMissing(f"node {node_id} not found")


class FakeEngine:
    """One engine, with the interface of :class:`magnum.clients.docker.engine.Engine`."""

    def __init__(self, cloud: "FakeCloud", swarm: FakeSwarm, address: str) -> None:
        self._cloud = cloud
        self._swarm = swarm
        self._address = address

    def close(self) -> None:
        self._swarm.closed += 1

    def _asked(self, call: str, *, of_manager: bool = True) -> None:
        self._cloud.asked(call)
        swarm = self._swarm
        names = [name for name, address in swarm.addresses.items() if address == self._address]
        if self._address in swarm.silent or not names:
            raise EngineUnreachable(f"no route to host, {self._address}")
        if of_manager and not any(
            name in swarm.listed and swarm.listed[name].role == "manager" for name in names
        ):
            raise EngineFailed("This node is not a swarm manager")

    def info(self) -> EngineInfo:
        self._asked("engine info", of_manager=False)
        swarm = self._swarm
        name = next(name for name, found in swarm.addresses.items() if found == self._address)
        running = swarm.tasks.get(name, 0) + swarm.containers.get(name, 0)
        member = swarm.listed[name]
        role = member.role == "manager"
        return EngineInfo(name, "20.10.24", member.id, "active", role, 1 << 30, 1, running)

    def nodes(self) -> list[Member]:
        self._asked("swarm nodes")
        return list(self._swarm.listed.values())

    def running_tasks(self, node_id: str | None = None) -> list[Task]:
        self._asked("swarm tasks")
        swarm = self._swarm
        found = [
            Task(f"{name}-{number}", "service", swarm.listed[name].id, "running")
            for name, count in swarm.tasks.items()
            for number in range(count)
            if name in swarm.listed
        ]
        for name in swarm.listed:  # those who were told to will be done soon
            if swarm.is_drained(name) and name not in swarm.stubborn:
                swarm.tasks[name] = 0
        return found

    def node_update(
        self,
        node_id: str,
        *,
        availability: Any = None,
        role: Any = None,
        labels: Mapping[str, str | None] = {},
    ) -> None:
        self._asked("swarm update")
        name = self._swarm.by_id(node_id)
        member = self._swarm.listed[name]
        merged = {**member.description["Labels"], **labels}
        spec = {
            "Availability": availability or member.availability,
            "Role": role or member.role,
            "Labels": {key: value for key, value in merged.items() if value is not None},
        }
        self._swarm.set(
            name, availability=spec["Availability"], role=spec["Role"], description=spec
        )
        if spec["Role"] == "worker":
            self._swarm.set(name, is_reachable=None)
        self._cloud.changed("swarm update")

    def remove_node(self, node_id: str, *, force: bool = False) -> None:
        self._asked("swarm remove")
        name = self._swarm.by_id(node_id)
        if self._swarm.listed[name].role == "manager":
            raise EngineConflict("node is a cluster manager and must be demoted to a worker first")
        if self._swarm.listed[name].state != "down" and not force:
            raise EngineConflict("node is not down and can't be removed")
        del self._swarm.listed[name]
        self._cloud.changed("swarm remove")

    def join_token(self, role: str) -> str:
        self._asked("swarm token")
        return self._swarm.token(role)

    def rotate_join_token(self, role: str) -> str:
        self._asked("swarm rotate")
        self._swarm.rotations[role] += 1
        self._cloud.changed("swarm rotate")
        return self._swarm.token(role)
