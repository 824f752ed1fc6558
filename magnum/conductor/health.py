# SPDX-License-Identifier: Apache-2.0
"""Looks at the nodes of finished bays every now and then, and tells what has changed.

The managers of a bay may hang, so looks are made by a pool of their own: they keep no step of an
operation waiting, and one another only when all of the pool hangs.  Conductors share the bays by
the claims of :mod:`magnum.db.health`.
"""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

from magnum.clients.docker.allowance import allowing
from magnum.clients.docker.errors import EngineError, EngineSilent, EngineUnreachable
from magnum.conductor.cloud import Cloud
from magnum.conductor.swarm import COES, Swarm, SwarmNode
from magnum.context import RequestContext, carried
from magnum.core import errors
from magnum.core.states import Health
from magnum.db import health, repository
from magnum.db.health import Look
from magnum.db.models import Cluster
from magnum.metrics import instruments

LOG = logging.getLogger(__name__)

LOOK_SECONDS = 20.0
"""How long all managers of a bay together have to answer."""

LEASE_SECONDS = 2 * LOOK_SECONDS
"""Nobody else begins a look at the same bay before."""

API, WORKERS, MASTERS = "api", "workers", "masters"
"""Keys of a reason that are no nodes."""

READY = ".Ready"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look has found.

    :ivar reason: ``api`` with ``ok`` or what is wrong with it; for each node ``<name>.Ready`` with
        ``True`` or ``False``; ``masters`` and ``workers`` where too few of them are listed.
    :ivar states: of the nodes, by name, in Swarm's own words.
    """

    status: Health
    reason: Mapping[str, str]
    states: Mapping[str, str]


def judge(nodes: Sequence[SwarmNode], masters: int, workers: int) -> Finding:
    """Tell the health of a bay by its list of nodes.

    :param masters: how many the bay is to have, and ``workers`` likewise.
    """
    reason = {API: "ok"}
    for node in nodes:  # one that joined anew has left its former self behind, as not ready
        key = f"{node.name}{READY}"
        reason[key] = str(node.is_ready or reason.get(key) == "True")
    listed = sum(node.is_manager for node in nodes)
    for key, there, wanted in (
        (MASTERS, listed, masters),
        (WORKERS, len(nodes) - listed, workers),
    ):
        if there < wanted:
            reason[key] = f"{there} of {wanted} are in the swarm"
    well = all(value == "True" for key, value in reason.items() if key != API)
    states = {node.name: node.state for node in nodes}
    return Finding(Health.HEALTHY if well else Health.UNHEALTHY, reason, states)


def without_answer(error: EngineError, before: str | None) -> Finding:
    """Tell the health of a bay none of whose managers says how it is.

    Whether it is the bay's fault cannot be told where no look has ever come through.
    """
    was_seen = before in (Health.HEALTHY, Health.UNHEALTHY)
    has_answered = not isinstance(error, EngineUnreachable | EngineSilent)
    status = Health.UNHEALTHY if was_seen or has_answered else Health.UNKNOWN
    return Finding(status, {API: error.message}, {})


def changes(cluster: Cluster, found: Finding) -> list[tuple[str, str, str]]:
    """Return events for what is other than at the last look, each with its node's name."""
    before = cluster.health_status_reason or {}
    told = []
    for key, value in found.reason.items():
        name = key.removesuffix(READY)
        if name == key or before.get(key, "True") == value:
            continue
        if value == "True":
            told.append(("INFO", name, f"{name} is ready again"))
        else:
            told.append(("WARNING", name, f"{name} is {found.states[name]}"))
    if found.status != (cluster.health_status or Health.HEALTHY):
        wrong = [f"{key}: {value}" for key, value in found.reason.items() if value not in _FINE]
        text = f"The bay is {found.status}" + (f", {'; '.join(wrong)}" if wrong else "")
        severity = "INFO" if found.status is Health.HEALTHY else "WARNING"
        told.append((severity, "health", text))
    return told


_FINE = ("ok", "True")


class HealthChecks:
    """Makes the looks that are this conductor's; safe for threads."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        options = cloud.conf.conductor
        self._interval = float(options.health_interval)
        self._pool = ThreadPoolExecutor(options.health_workers, thread_name_prefix="health")
        self._free = threading.Semaphore(options.health_workers)
        self._next_sweep = 0.0

    def sweep(self) -> None:
        """Begin the looks that are due, as many as the pool has room for; called at each beat.

        :raises Unavailable: the database does not answer.
        """
        if not self._interval or time.monotonic() < self._next_sweep:
            return
        self._next_sweep = time.monotonic() + self._cloud.conf.conductor.sweep_interval
        slots = 0
        while slots < self._cloud.conf.conductor.health_workers and self._free.acquire(False):
            slots += 1
        looks: list[Look] = []
        try:
            if slots:
                looks = self._claim(slots)
        finally:
            for _ in range(slots - len(looks)):
                self._free.release()
        if looks and len(looks) == slots:
            self._next_sweep = 0.0  # there may be more
        for look in looks:
            self._pool.submit(self._look, look)

    def stop(self) -> None:
        """Begin no more looks, and wait for those under way: some seconds at most."""
        self._interval = 0.0
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _claim(self, limit: int) -> list[Look]:
        return self._cloud.database.write(
            lambda session: health.claim(session, COES, LEASE_SECONDS, limit)
        )

    def _look(self, look: Look) -> None:
        """Make one look, in its thread; never raises."""
        try:
            with carried(RequestContext):
                self.look(look)
        except errors.Unavailable as error:
            LOG.warning("The health of bay %s is not told: %s", look.cluster_id, error)
        except Exception:  # one bay must not keep the others from being looked at
            LOG.exception("The health of bay %s is not told", look.cluster_id)
        finally:
            self._free.release()

    def look(self, look: Look) -> None:
        """Look at one bay and write what is seen.

        :raises Unavailable: the database does not answer.
        """
        cluster = self._cloud.database.read(
            lambda session: repository.by_uuid(session, Cluster, look.cluster_id)
        )
        if cluster is None:
            return
        found = self._find(cluster)
        told = changes(cluster, found)
        written = self._cloud.database.write(
            lambda session: health.record(
                session, look, self._interval, found.status, found.reason, told
            )
        )
        if written:
            instruments.HEALTH_CHECKS.inc(found.status.lower())

    def _find(self, cluster: Cluster) -> Finding:
        try:
            with allowing(LOOK_SECONDS), closing(Swarm(self._cloud, cluster)) as swarm:
                nodes = swarm.nodes()
        except EngineError as error:
            return without_answer(error, cluster.health_status)
        except errors.MagnumError as error:  # the certificate store's trouble, not the bay's
            return Finding(Health.UNKNOWN, {API: error.message}, {})
        return judge(nodes, cluster.master_count, cluster.node_count)
