# SPDX-License-Identifier: Apache-2.0
"""Whose health is to be looked at: each cluster by one conductor, once in a while.

A look is claimed by moving the moment of the next one, compare-and-swap, so conductors share the
clusters without knowing of each other.  Who dies amid a look leaves nothing behind: the next one
comes at that moment.  What was seen is written only while the moment is the claimed one, and sets
the next.

All functions take a session and are run by :class:`magnum.db.session.Database`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from magnum.core import states
from magnum.db import leases, repository
from magnum.db.functions import now
from magnum.db.models import Cluster, ClusterTemplate

Told = Sequence[tuple[str, str, str]]
"""Events, each a severity, the node or ``health``, and a text."""


@dataclass(frozen=True, slots=True)
class Look:
    """A look at a cluster that is this conductor's to make.

    :ivar due: the moment of the next one unless this one is written; proves the right to write.
    """

    cluster_id: str
    due: float


def claim(session: Session, coes: Sequence[str], seconds: float, limit: int) -> list[Look]:
    """Take up to ``limit`` looks that are due; others may win some of them meanwhile.

    :param coes: only clusters of these.
    :param seconds: after which somebody else may look at each, if nothing was written.
    """
    waiting = session.execute(
        select(Cluster.uuid, Cluster.health_due, now() + seconds)
        .join(ClusterTemplate, ClusterTemplate.uuid == Cluster.cluster_template_id)
        .where(
            Cluster.health_due <= now(),
            Cluster.status.in_(states.UPDATABLE),
            ClusterTemplate.coe.in_(coes),
        )
        .order_by(Cluster.health_due)
        .limit(limit)
    )
    taken = []
    for uuid, last_due, due in waiting.all():
        attempt = update(Cluster).where(Cluster.uuid == uuid, Cluster.health_due == last_due)
        if leases.changed(session, attempt.values(health_due=due)):
            taken.append(Look(uuid, due))
    return taken


def record(
    session: Session,
    look: Look,
    seconds: float,
    status: states.Health,
    reason: Mapping[str, str],
    told: Told,
) -> bool:
    """Write what was seen.

    :param seconds: after which the next look is due.
    :returns: whether it was; not when somebody has looked since, or the cluster is being changed.
    """
    attempt = update(Cluster).where(
        Cluster.uuid == look.cluster_id,
        Cluster.health_due == look.due,
        Cluster.status.in_(states.UPDATABLE),
    )
    seen = {"health_status": status, "health_status_reason": dict(reason)}
    written = leases.changed(session, attempt.values(health_due=now() + seconds, **seen))
    if written:
        repository.add_events(session, look.cluster_id, None, told)
    return written
