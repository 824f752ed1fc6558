# SPDX-License-Identifier: Apache-2.0
"""A bay's own swarm, asked through whichever of its managers answers."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from magnum.clients.docker.engine import Engine
from magnum.clients.docker.errors import (
    EngineError,
    EngineMissing,
    EngineSilent,
    EngineUnreachable,
)
from magnum.clients.docker.swarm import EngineInfo, Member
from magnum.conductor.asking import Asking
from magnum.conductor.cloud import Cloud
from magnum.conductor.engines import ask_manager, engine_at
from magnum.db.models import Cluster

LOG = logging.getLogger(__name__)

T = TypeVar("T")

COES = ("swarm",)
"""Kinds of clusters that have a swarm."""

LEAVING = "org.openstack.magnum.leaving"
"""A label of a node that is to go: who drained it, so that nobody else's wish is undone."""

WORKERS_ASKED = 16
"""So many engines are asked at a time how many containers they run."""

WORKERS_SECONDS = 10.0
"""How long all of them together have for it."""


def has_swarm(cluster: Cluster) -> bool:
    """Tell whether a cluster is of a kind that has one."""
    return cluster.template.coe in COES


@dataclass(frozen=True, slots=True)
class SwarmNode:
    """A node as the managers see it.

    :ivar name: its host name up to the first dot, in lower case: the name of its server.
    :ivar state: in the words of Swarm: ``ready``, ``down``, ``disconnected``, ``unknown``; of a
        manager that takes no part, ``unreachable``.
    :ivar is_leaving: whether we have drained it because it is to go.
    """

    id: str
    name: str
    state: str
    is_manager: bool = False
    is_leaving: bool = False

    @property
    def is_ready(self) -> bool:
        """Whether it does its work, as the managers see it."""
        return self.state == "ready"


class Swarm:
    """The managers of one bay, for one pass over an operation or one look at its health.

    Every call raises an ``EngineError`` when none of them answers or one says no, ``Unavailable``
    when the certificate store does not answer, and takes some seconds a manager at most.
    """

    def __init__(self, cloud: Cloud, cluster: Cluster) -> None:
        self._cloud = cloud
        self._cluster = cluster
        self._answering: Engine | None = None
        self._failure: EngineError | None = None

    def close(self) -> None:
        """Close the connections; where many bays are looked at they would pile up."""
        if self._answering is not None:
            self._answering.close()

    def nodes(self) -> list[SwarmNode]:
        """List all nodes that the swarm has not been told to forget."""
        return [_node(member) for member in self._ask(lambda engine: engine.nodes())]

    def tasks(self) -> Mapping[str, int]:
        """Count the tasks of services that are not over, by the id of their node."""
        return Counter(task.node_id for task in self._ask(lambda engine: engine.running_tasks()))

    def work(self) -> Mapping[str, int]:
        """Count the tasks by the id of their node, and with them containers that are none.

        Only a worker itself knows of those; one that does not answer us counts by its tasks.
        """
        found = Counter(self.tasks())
        for info in self._workers():
            found[info.node_id] = max(found[info.node_id], info.running)
        return found

    def drain(self, node_id: str) -> None:
        """Have a node give up its tasks for good and be a mere worker; fine when it has."""
        self._ask(
            lambda engine: engine.node_update(
                node_id, availability="drain", role="worker", labels={LEAVING: "true"}
            )
        )

    def activate(self, node_id: str) -> None:
        """Have a node that we have drained take tasks again."""
        self._ask(
            lambda engine: engine.node_update(
                node_id, availability="active", labels={LEAVING: None}
            )
        )

    def forget(self, node_id: str) -> None:
        """Remove a node from the list, whatever its state; fine when it is not there."""
        try:
            self._ask(lambda engine: engine.remove_node(node_id, force=True))
        except EngineMissing:
            LOG.info("Node %s is not in the swarm any more", node_id)

    def worker_token(self) -> str:
        """Return the token that workers join with now."""
        return self._ask(lambda engine: engine.join_token("worker"))

    def rotate_tokens(self) -> None:
        """Make new tokens to join; the ones before are good for nothing from then on."""
        self._ask(lambda engine: engine.rotate_join_token("worker"))
        self._ask(lambda engine: engine.rotate_join_token("manager"))

    def _ask(self, act: Callable[[Engine], T]) -> T:
        """Ask the manager that has answered before, else the first that does.

        When none has, none is waited for again.
        """
        if self._failure is not None:
            raise self._failure

        def remember(engine: Engine) -> T:
            answer = act(engine)
            self._answering = engine
            return answer

        try:
            if self._answering is not None:
                return act(self._answering)
            return ask_manager(self._cloud, self._cluster, remember)
        except (EngineSilent, EngineUnreachable) as error:
            self._failure = error
            raise

    def _workers(self) -> list[EngineInfo]:
        """Ask the workers' engines about themselves, all at once and not for long."""
        told = Asking(WORKERS_ASKED).each(
            self._cluster.node_addresses or (),
            lambda address: engine_at(self._cloud, self._cluster, address).info(),
            WORKERS_SECONDS,
        )
        return [info for info in told.values() if isinstance(info, EngineInfo)]


def _node(member: Member) -> SwarmNode:
    state = member.state
    if state == "ready" and member.is_reachable is False:
        state = "unreachable"
    return SwarmNode(
        id=member.id,
        name=member.hostname.partition(".")[0].lower(),
        state=state,
        is_manager=member.role == "manager",
        is_leaving=LEAVING in (member.description.get("Labels") or {}),
    )
