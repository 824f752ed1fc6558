# SPDX-License-Identifier: Apache-2.0
"""Where containers can be: the members of a bay's swarm, and the addresses they are reached at.

Managers know their swarm by its own, private addresses, we know its nodes by those that Heat told.
What both have is the node's id in the swarm, which every engine tells of itself.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from magnum.clients.docker.allowance import allowing
from magnum.clients.docker.errors import (
    EngineDistrusted,
    EngineError,
    EngineSilent,
    EngineUnreachable,
)
from magnum.clients.docker.swarm import EngineInfo, Member
from magnum.conductor.asking import Asking
from magnum.conductor.cloud import Cloud
from magnum.conductor.engines import engine_at
from magnum.core import errors
from magnum.core.placement import Engine
from magnum.db import repository
from magnum.db.models import Cluster

FRESH_SECONDS = 1.0
"""How long a survey serves whoever else comes: twenty creations at a time want one."""

INFO_SECONDS = 2.5
"""How long an engine may take to tell of itself; who is slower gets no container."""

KEPT = 1000

NOT_FOUND_THERE = (EngineUnreachable, EngineSilent, EngineDistrusted)
"""What the engine of a node that has left cannot but fail with.

Nobody is at its address any more, or a node of another bay, which has another authority.  So
whoever meets one of these asks :meth:`Located.is_gone`.
"""


@dataclass(frozen=True, slots=True)
class Survey:
    """A bay's swarm at one moment.

    :ivar engines: those that take containers.
    :ivar skipped: why the others do not, by host name.
    :ivar members: ids of all nodes that the swarm knows.
    """

    engines: Sequence[Engine]
    skipped: Mapping[str, str]
    members: frozenset[str]
    taken: float = field(default_factory=time.monotonic)


class Located:
    """Surveys bays; safe for threads, one survey of a bay at a time."""

    def __init__(self, cloud: Cloud, asking: Asking) -> None:
        self._cloud = cloud
        self._asking = asking
        self._lock = threading.Lock()
        self._turns: dict[str, threading.Lock] = {}
        self._last: dict[str, Survey] = {}

    def survey(self, cluster: Cluster) -> Survey:
        """Find out which engines of a bay take containers; events tell of those that do not.

        :raises EngineError: no manager answers.
        """
        with allowing(self._cloud.conf.docker.call_timeout) as allowance:
            with self._turn(cluster, allowance.seconds):
                last = self._last.get(cluster.uuid)
                if last is not None and time.monotonic() - last.taken < FRESH_SECONDS:
                    return last
                survey = self._take(cluster, min(INFO_SECONDS, allowance.seconds))
                self._last[cluster.uuid] = survey
            if survey.skipped != (last.skipped if last else {}):
                self._tell(cluster, survey.skipped)
            return survey

    @contextmanager
    def _turn(self, cluster: Cluster, seconds: float) -> Iterator[None]:
        """Have nobody else survey a bay meanwhile."""
        with self._lock:
            if len(self._turns) > KEPT:
                self._turns, self._last = {}, {}
            turn = self._turns.setdefault(cluster.uuid, threading.Lock())
        if not turn.acquire(timeout=seconds):
            raise EngineSilent("the bay's managers are being asked already")
        try:
            yield
        finally:
            turn.release()

    def is_gone(self, cluster: Cluster, host: str | None, host_id: str | None) -> bool:
        """Tell whether a node is none of the bay's any more; False when nobody knows."""
        if host is None or host not in _addresses(cluster):
            return True
        try:
            return host_id not in self.survey(cluster).members
        except errors.MagnumError:
            return False

    def _take(self, cluster: Cluster, seconds: float) -> Survey:
        told = self._asking.each(
            _addresses(cluster), lambda each: engine_at(self._cloud, cluster, each).info(), seconds
        )
        infos = {each: info for each, info in told.items() if isinstance(info, EngineInfo)}
        members = self._members(cluster, told)
        places = {info.node_id: (address, info) for address, info in infos.items()}
        engines, skipped = [], {}
        for member in members:
            if member.id not in places or not member.is_usable:
                skipped[member.hostname or member.id] = _why_not(member)
                continue
            address, info = places[member.id]
            is_manager = member.role == "manager"
            engines.append(Engine(member.id, address, info.memory, info.running, is_manager))
        return Survey(engines, skipped, frozenset(member.id for member in members))

    def _members(
        self, cluster: Cluster, told: Mapping[str, EngineInfo | errors.MagnumError]
    ) -> Sequence[Member]:
        """Have a manager that has just answered list the swarm."""
        failure: errors.MagnumError = EngineUnreachable("the bay has no manager with an address")
        for address, info in told.items():
            if isinstance(info, EngineInfo) and info.is_manager:
                try:
                    return engine_at(self._cloud, cluster, address).nodes()
                except EngineError as error:
                    failure = error
            elif isinstance(info, errors.MagnumError) and address in (
                cluster.master_addresses or ()
            ):
                failure = info
        raise failure

    def _tell(self, cluster: Cluster, skipped: Mapping[str, str]) -> None:
        told = [
            ("WARNING", f"node {name}"[:255], f"It gets no new containers: {why}.")
            for name, why in skipped.items()
        ]
        if told:
            self._cloud.database.write(
                lambda session: repository.add_events(session, cluster.uuid, None, told)
            )


def _addresses(cluster: Cluster) -> Sequence[str]:
    return [*(cluster.master_addresses or ()), *(cluster.node_addresses or ())]


def _why_not(member: Member) -> str:
    if member.state != "ready":
        return f"the swarm sees it {member.state}"
    if member.availability != "active":
        words = {"drain": "it is drained", "pause": "it is paused"}
        return words.get(str(member.availability), "it is not active")
    return "its engine does not answer at any address of the bay"
