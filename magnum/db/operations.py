# SPDX-License-Identifier: Apache-2.0
"""Operations: asking for one, recording its steps, and what its end does to the cluster's row.

Who may carry one out is told by :mod:`magnum.db.claims`; what is written for one here needs its
claim.  All functions take a session and are run by :class:`magnum.db.session.Database`.
"""

import datetime
import uuid as uuidlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    Update,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.orm import Session

from magnum.core import states
from magnum.db import claims, leases
from magnum.db.claims import Claim
from magnum.db.functions import now
from magnum.db.models import Cluster, NodeGroup, Operation, utcnow


def record_step(
    session: Session,
    claim: Claim,
    step: str | None,
    progress: Mapping[str, Any],
    cluster: Mapping[str, Any],
    addresses: Mapping[str, list[str]] = MappingProxyType({}),
    *,
    waiting: bool = False,
) -> None:
    """Write that a step is done, with what it leaves to later ones and to the cluster's row.

    :param cluster: columns of the cluster to write with it.
    :param addresses: of the nodes of a role, for its default node group.
    :param waiting: whether the next one only waits for the stack now.
    :raises LeaseLost: nothing was written.
    """
    after = claim.after(step, progress)
    claims.change(
        session,
        claim,
        step=step,
        progress=after.progress,
        attempts=after.attempts,
        waiting=waiting,
    )
    for role, found in addresses.items():
        group = _default_group(claim.cluster_id, role)
        session.execute(group.values(node_addresses=found, updated_at=utcnow()))
    _change_cluster(session, claim.cluster_id, cluster)


def finish(
    session: Session,
    claim: Claim,
    outcome: states.Outcome,
    reason: str | None,
    cluster: Mapping[str, Any],
) -> None:
    """End an operation and show it in the cluster's status.

    :param cluster: columns of the cluster to write with it.
    :raises LeaseLost: nothing was written.
    """
    _end(session, claim, outcome, reason)
    _change_cluster(
        session,
        claim.cluster_id,
        {**cluster, "status": states.status(claim.action, outcome), "status_reason": reason},
    )


def roll_back(
    session: Session,
    claim: Claim,
    reason: str,
    cluster: Mapping[str, Any],
    timeout_seconds: float,
) -> Operation:
    """End an update as failed and write the operation that takes the cluster back.

    From here on the cluster's row wants again what was there before.

    :param cluster: columns of the cluster to write with it.
    :returns: the new operation.
    :raises LeaseLost: nothing was written.
    """
    before = claim.change["before"]
    _end(session, claim, states.Outcome.FAILED, reason)
    operation = Operation(
        uuid=str(uuidlib.uuid4()),
        cluster_id=claim.cluster_id,
        project_id=claim.project_id,
        user_id=claim.user_id,
        request_id=claim.request_id,
        global_request_id=claim.global_request_id,
        action=states.Action.ROLLBACK,
        change={"before": before, "wanted": before, "cause": reason},
        state=states.OperationState.PENDING,
        deadline=now() + timeout_seconds,
    )
    session.add(operation)
    session.execute(
        _default_group(claim.cluster_id, "worker").values(
            node_count=before["node_count"], updated_at=utcnow()
        )
    )
    status = states.status(states.Action.ROLLBACK, states.Outcome.IN_PROGRESS)
    _change_cluster(
        session, claim.cluster_id, {**cluster, "status": status, "status_reason": reason}
    )
    return operation


def finish_delete(session: Session, claim: Claim) -> None:
    """End a deletion that left nothing: the cluster's row and its node groups go.

    :raises LeaseLost: nothing was written.
    """
    _end(session, claim, states.Outcome.COMPLETE, None)
    session.execute(delete(Cluster).where(Cluster.uuid == claim.cluster_id))


def _end(session: Session, claim: Claim, outcome: states.Outcome, reason: str | None) -> None:
    claims.change(
        session,
        claim,
        state=states.OperationState(outcome.value),
        reason=reason,
        finished_at=utcnow(),
        **leases.FREE,
    )


def _default_group(cluster_id: str, role: str) -> Update:
    """Begin an update of the node group that a cluster has from the start."""
    return update(NodeGroup).where(
        NodeGroup.cluster_id == cluster_id, NodeGroup.role == role, NodeGroup.is_default
    )


def _change_cluster(session: Session, uuid: str, values: Mapping[str, Any]) -> None:
    if values:
        session.execute(
            update(Cluster).where(Cluster.uuid == uuid).values(updated_at=utcnow(), **values)
        )


def add(
    session: Session,
    cluster: Cluster,
    action: states.Action,
    change: Mapping[str, Any],
    user_id: str,
    request_id: str | None,
    timeout_seconds: float,
    uuid: str,
    global_request_id: str | None = None,
) -> Operation:
    """Write what was asked for, in the transaction that changes the cluster's row.

    :param request_id: of the request to this service that asked for it.
    :param global_request_id: that the caller gave this and other requests, if it did.
    """
    operation = Operation(
        uuid=uuid,
        cluster_id=cluster.uuid,
        project_id=cluster.project_id,
        user_id=user_id,
        request_id=request_id,
        global_request_id=global_request_id,
        action=action,
        change=dict(change),
        state=states.OperationState.PENDING,
        deadline=now() + timeout_seconds,
    )
    session.add(operation)
    return operation


def supersede(session: Session, cluster_id: str) -> list[Operation]:
    """End whatever else was being done to a cluster that is now to be deleted.

    :returns: what was, there is at most one.
    """
    open_ones = select(Operation).where(
        Operation.cluster_id == cluster_id,
        Operation.state.in_(states.OPEN_OPERATION_STATES),
        Operation.action != states.Action.DELETE,
    )
    superseded = []
    for operation in session.scalars(open_ones).all():
        # Its holder may be ending it at this moment.
        still_open = update(Operation).where(
            Operation.id == operation.id, Operation.state.in_(states.OPEN_OPERATION_STATES)
        )
        ended = {"state": states.OperationState.SUPERSEDED, "finished_at": utcnow()}
        if leases.changed(session, still_open.values(ended)):
            superseded.append(operation)
    return superseded


@dataclass(frozen=True, slots=True)
class Backlog:
    """Like operations that are not finished.

    :ivar step: the last one done, None before the first.
    :ivar oldest: when the oldest of them was asked for, in UTC.
    """

    action: str
    state: str
    step: str | None
    count: int
    oldest: datetime.datetime


def backlog(session: Session) -> Sequence[Backlog]:
    """Count the operations that are not finished; those that are cost nothing."""
    kinds = (Operation.action, Operation.state, Operation.step)
    counted = session.execute(
        select(*kinds, func.count(), func.min(Operation.created_at))
        .where(Operation.state.in_(states.OPEN_OPERATION_STATES))
        .group_by(*kinds)
    )
    return [Backlog(*row) for row in counted]


def last_change(session: Session, cluster_id: str) -> Mapping[str, Any]:
    """Return what the newest operation of a cluster was to change."""
    query = (
        select(Operation.change)
        .where(Operation.cluster_id == cluster_id)
        .order_by(Operation.id.desc())
        .limit(1)
    )
    return session.scalar(query) or {}


def open_operation(session: Session, cluster_id: str, action: states.Action) -> str | None:
    """Return the uuid of the cluster's open operation of this kind, if there is one."""
    return session.scalar(
        select(Operation.uuid).where(
            Operation.cluster_id == cluster_id,
            Operation.action == action,
            Operation.state.in_(states.OPEN_OPERATION_STATES),
        )
    )
