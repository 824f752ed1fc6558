# SPDX-License-Identifier: Apache-2.0
"""The verbs of one engine about the swarm it belongs to; most want it to be a manager."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from magnum.clients.docker.connection import Connection
from magnum.clients.docker.errors import EngineFailed
from magnum.clients.errors import scrub

SwarmRole = Literal["manager", "worker"]
Availability = Literal["active", "pause", "drain"]

_NANO = 1_000_000_000
_OVER = ("complete", "failed", "shutdown", "rejected", "orphaned", "remove")


@dataclass(frozen=True, slots=True)
class Member:
    """A node of a swarm as its managers see it.

    :ivar id: the swarm's own id of it.
    :ivar state: ready, down, disconnected or unknown.
    :ivar message: why it is not ready, if a manager says so.
    :ivar address: the one it has joined with; ``0.0.0.0`` when the manager does not know.
    :ivar is_reachable: whether it, as a manager, takes part; None of a worker.
    :ivar memory: bytes its machine has, as :attr:`cpus` counts its processors.
    :ivar version: of its description, which a change has to name.
    :ivar description: what a change has to repeat.
    """

    id: str
    hostname: str
    role: SwarmRole
    availability: Availability
    state: str
    message: str
    address: str
    is_leader: bool
    is_reachable: bool | None
    memory: int
    cpus: float
    engine_version: str
    version: int
    description: Mapping[str, Any]

    @property
    def is_usable(self) -> bool:
        """Whether new work may be given to it."""
        return self.state == "ready" and self.availability == "active"


@dataclass(frozen=True, slots=True)
class Task:
    """A part of a service that is on a node.

    :ivar state: docker's word, for example ``running``.
    """

    id: str
    service_id: str
    node_id: str
    state: str


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What an engine tells about itself.

    :ivar node_id: its id in the swarm; empty when it is in none.
    :ivar swarm_state: inactive, pending, active, error or locked.
    :ivar is_manager: whether it may be asked about the swarm.
    :ivar memory: bytes its machine has.
    :ivar running: containers that run, as it lists them: the number that it tells of itself goes on
        counting those that died with their machine.
    """

    name: str
    engine_version: str
    node_id: str
    swarm_state: str
    is_manager: bool
    memory: int
    cpus: int
    running: int


class SwarmVerbs(Connection):
    """What may be asked about the swarm; every verb raises :class:`EngineError` alone.

    An engine that is no manager answers :class:`EngineFailed` in docker's words.
    """

    def info(self) -> EngineInfo:
        """Ask the engine, manager or not, about itself."""
        with self.calling() as client:
            found = client.info()
            running = client.containers(quiet=True)
            swarm = found.get("Swarm") or {}
            return EngineInfo(
                name=str(found["Name"]),
                engine_version=str(found["ServerVersion"]),
                node_id=str(swarm.get("NodeID") or ""),
                swarm_state=str(swarm.get("LocalNodeState") or "inactive"),
                is_manager=bool(swarm.get("ControlAvailable")),
                memory=int(found["MemTotal"]),
                cpus=int(found["NCPU"]),
                running=len(running),
            )

    def nodes(self) -> Sequence[Member]:
        """List the members of the swarm."""
        with self.calling() as client:
            return [_member(each) for each in client.nodes()]

    def running_tasks(self, node_id: str | None = None) -> Sequence[Task]:
        """List the tasks of services that are not over, of one node or of all.

        A drained node is empty when there are none of it.
        """
        filters = {"node": node_id} if node_id else None
        with self.calling() as client:
            found = [
                Task(
                    id=str(each["ID"]),
                    service_id=str(each.get("ServiceID") or ""),
                    node_id=str(each.get("NodeID") or ""),
                    state=str(each["Status"]["State"]),
                )
                for each in client.tasks(filters)
            ]
        return [task for task in found if task.state not in _OVER]

    def node_update(
        self,
        node_id: str,
        *,
        availability: Availability | None = None,
        role: SwarmRole | None = None,
        labels: Mapping[str, str | None] = MappingProxyType({}),
    ) -> None:
        """Change a member; what is not named stays.

        :param labels: to set; None takes one away.
        :raises EngineMissing: there is no such member.
        :raises EngineFailed: somebody else changed it at this moment, or it is the last manager.
        """
        changes = {"Availability": availability, "Role": role}
        with self.calling() as client:
            found = _member(client.inspect_node(node_id))
            wanted: dict[str, Any] = {
                key: value for key, value in changes.items() if value is not None
            }
            if labels:
                merged = {**(found.description.get("Labels") or {}), **labels}
                wanted["Labels"] = {key: text for key, text in merged.items() if text is not None}
            if any(found.description.get(key) != value for key, value in wanted.items()):
                client.update_node(node_id, found.version, {**found.description, **wanted})

    def remove_node(self, node_id: str, *, force: bool = False) -> None:
        """Forget a member.

        :param force: also when it is not down.
        :raises EngineMissing: there is no such member.
        """
        with self.calling() as client:
            client.remove_node(node_id, force=force)

    def join_token(self, role: SwarmRole) -> str:
        """Return the secret with which nodes of a role join; never to be logged."""
        with self.calling() as client:
            return _token(client.inspect_swarm(), role)

    def rotate_join_token(self, role: SwarmRole) -> str:
        """Make a new one, which is returned, and with it the old one void."""
        with self.calling() as client:
            found = client.inspect_swarm()
            client.update_swarm(
                int(found["Version"]["Index"]), found["Spec"], **{f"rotate_{role}_token": True}
            )
            return _token(client.inspect_swarm(), role)


def _token(swarm: Mapping[str, Any], role: SwarmRole) -> str:
    token = str(swarm["JoinTokens"][role.capitalize()])
    if not token:
        raise EngineFailed("it knows no token to join its swarm with")
    return token


def _member(found: Mapping[str, Any]) -> Member:
    spec, status = found["Spec"], found.get("Status") or {}
    description = found.get("Description") or {}
    resources = description.get("Resources") or {}
    manager = found.get("ManagerStatus")
    return Member(
        id=str(found["ID"]),
        hostname=str(description.get("Hostname") or ""),
        role=spec["Role"],
        availability=spec["Availability"],
        state=str(status.get("State") or "unknown"),
        message=scrub(str(status.get("Message") or "")),
        address=str(status.get("Addr") or ""),
        is_leader=bool(manager and manager.get("Leader")),
        is_reachable=None if manager is None else manager.get("Reachability") == "reachable",
        memory=int(resources.get("MemoryBytes") or 0),
        cpus=int(resources.get("NanoCPUs") or 0) / _NANO,
        engine_version=str((description.get("Engine") or {}).get("EngineVersion") or ""),
        version=int(found["Version"]["Index"]),
        description=spec,
    )
