# SPDX-License-Identifier: Apache-2.0
"""Operations and their leases: who may carry out what, now.

The one invariant: of all conductors only the holder of the newest fence of an operation can
write for it, and an operation is claimed only while no older one of the same cluster is still
held by anybody, so that a delete never runs beside the create it superseded.

Operations that wait for their stacks gather with one conductor a project, see :func:`watchers`, so
that Heat is asked once for all of them however many conductors there are.

All functions take a session and are run by :class:`magnum.db.session.Database`.
"""

import uuid as uuidlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from sqlalchemy import (
    CursorResult,
    Select,
    Update,
    and_,
    delete,
    desc,
    exists,
    func,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session, aliased

from magnum.core import errors, states
from magnum.db.functions import now
from magnum.db.models import Cluster, NodeGroup, Operation, utcnow


@dataclass(frozen=True, slots=True)
class Claim:
    """An operation as its holder knows it; ``fence`` proves the right to write.

    :ivar attempts: failures in a row of the present step.
    :ivar trouble: what the last one of them was, None when there was none.
    :ivar seconds_left: until its deadline, by the database's clock when it was claimed.
    """

    uuid: str
    cluster_id: str
    project_id: str
    user_id: str
    request_id: str | None
    action: states.Action
    change: Mapping[str, Any]
    step: str | None
    progress: Mapping[str, Any]
    attempts: int
    trouble: str | None
    fence: int
    owner: str
    seconds_left: float

    @property
    def goes_back(self) -> bool:
        """Whether its failure is to be followed by the way back."""
        return self.action is states.Action.UPDATE and bool(self.change.get("rollback"))

    @property
    def cause(self) -> str | None:
        """The failure that a rollback undoes; None for any other operation."""
        if self.action is not states.Action.ROLLBACK:
            return None
        return str(self.change["cause"])

    def after(self, step: str | None, progress: Mapping[str, Any]) -> "Claim":
        """Return it as it is when a step is recorded.

        One that waits is not done: the step before it is recorded again, with what the waiting
        one has left, and its failures go on being counted.
        """
        waits = step == self.step
        return replace(
            self,
            step=step,
            progress=dict(progress),
            attempts=self.attempts if waits else 0,
            trouble=self.trouble if waits else None,
        )


def claimable(owner: str, limit: int) -> Select[str, int]:
    """Select operations nobody holds whose time has come for ``owner``, oldest first."""
    other = aliased(Operation)
    still_held = exists().where(
        other.cluster_id == Operation.cluster_id,
        other.uuid != Operation.uuid,
        other.lease_expires > now(),
    )
    watched_by_another = and_(
        Operation.waiting,
        exists().where(
            other.project_id == Operation.project_id,
            other.waiting,
            other.lease_owner != owner,
            other.lease_expires > now(),
        ),
    )
    return (
        select(Operation.uuid, Operation.fence)
        .where(
            Operation.state.in_(states.OPEN_OPERATION_STATES),
            Operation.lease_expires <= now(),
            Operation.not_before <= now(),
            ~still_held,
            ~watched_by_another,
        )
        .order_by(Operation.id)
        .limit(limit)
    )


def claim(session: Session, owner: str, lease_seconds: float, limit: int) -> list[Claim]:
    """Take up to ``limit`` operations for ``owner``; others may win some of them meanwhile."""
    taken = []
    for uuid, fence in session.execute(claimable(owner, limit)).all():
        attempt = (
            update(Operation)
            .where(
                Operation.uuid == uuid,
                Operation.fence == fence,
                Operation.state.in_(states.OPEN_OPERATION_STATES),
                Operation.lease_expires <= now(),
            )
            .values(
                state=states.OperationState.RUNNING,
                lease_owner=owner,
                lease_expires=now() + lease_seconds,
                fence=fence + 1,
                updated_at=utcnow(),
            )
        )
        if changed(session, attempt):
            taken.append(uuid)
    if not taken:
        return []
    rows = session.execute(
        select(Operation, Operation.deadline - now())
        .where(Operation.uuid.in_(taken), Operation.lease_owner == owner)
        .order_by(Operation.id)
    )
    return [_claim(row, seconds_left) for row, seconds_left in rows]


def _claim(row: Operation, seconds_left: float) -> Claim:
    return Claim(
        uuid=row.uuid,
        cluster_id=row.cluster_id,
        project_id=row.project_id,
        user_id=row.user_id,
        request_id=row.request_id,
        action=states.Action(row.action),
        change=row.change,
        step=row.step,
        progress=row.progress,
        attempts=row.attempts,
        trouble=row.reason if row.attempts else None,
        fence=row.fence,
        owner=row.lease_owner or "",
        seconds_left=float(seconds_left),
    )


def renew(session: Session, owner: str, lease_seconds: float, held: Iterable[Claim]) -> set[str]:
    """Prolong the leases ``owner`` still has by the claims ``held``.

    :returns: the operations that are still to be worked on by them.  The others were superseded
        (their lease is prolonged too, until their holder has let go of them) or taken over,
        perhaps by ``owner`` itself, which sweeps up what it could not renew as any other does.
    """
    fences = [(claim.uuid, claim.fence) for claim in held]
    mine = and_(
        Operation.lease_owner == owner,
        Operation.uuid.in_([uuid for uuid, _ in fences]),  # finds them by index, pairs do not
        tuple_(Operation.uuid, Operation.fence).in_(fences),
    )
    session.execute(update(Operation).where(mine).values(lease_expires=now() + lease_seconds))
    open_ones = select(Operation.uuid).where(mine, Operation.state == states.OperationState.RUNNING)
    return set(session.scalars(open_ones))


def watchers(session: Session, project_ids: Iterable[str]) -> dict[str, str]:
    """Tell for each project which conductor is to watch its stacks, where there is one.

    It is the one that holds the oldest of the project's operations that wait.  Whoever holds
    others gives them back, and only the watcher can claim those while it lives.
    """
    held = session.execute(
        select(Operation.project_id, Operation.lease_owner, func.min(Operation.id).label("oldest"))
        .where(
            Operation.project_id.in_([*project_ids]),
            Operation.waiting,
            Operation.lease_expires > now(),
        )
        .group_by(Operation.project_id, Operation.lease_owner)
        .order_by(desc("oldest"))
    )
    return {row.project_id: row.lease_owner for row in held}  # the oldest is written last


def changed(session: Session, statement: Update) -> bool:
    """Run an update and tell whether it met any row: the compare-and-swap of this module."""
    return cast("CursorResult[Any]", session.execute(statement)).rowcount > 0


def _mine(claim: Claim) -> Update:
    """Begin an update that only the holder of the newest fence can make."""
    return update(Operation).where(
        Operation.uuid == claim.uuid,
        Operation.fence == claim.fence,
        Operation.lease_owner == claim.owner,
        Operation.state == states.OperationState.RUNNING,
    )


def _change(session: Session, claim: Claim, **values: Any) -> None:
    if not changed(session, _mine(claim).values(updated_at=utcnow(), **values)):
        raise errors.LeaseLost(f"Operation {claim.uuid} is no longer held by {claim.owner}.")


def record_step(
    session: Session,
    claim: Claim,
    step: str | None,
    progress: Mapping[str, Any],
    cluster: Mapping[str, Any],
    *,
    waiting: bool = False,
) -> None:
    """Write that a step is done, with what it leaves to later ones and to the cluster's row.

    :param waiting: whether the next one only waits for the stack now.
    :raises LeaseLost: nothing was written.
    """
    after = claim.after(step, progress)
    _change(
        session,
        claim,
        step=step,
        progress=after.progress,
        attempts=after.attempts,
        waiting=waiting,
    )
    _change_cluster(session, claim.cluster_id, cluster)


def release(session: Session, claim: Claim, delay_seconds: float, trouble: str | None) -> None:
    """Give an operation back, to be claimed by anyone after a pause.

    :param trouble: why the present step failed, which counts as one more failure of it; None when
        it did not.
    :raises LeaseLost: it was not ours any more.
    """
    counted = {} if trouble is None else {"reason": trouble, "attempts": Operation.attempts + 1}
    _change(
        session,
        claim,
        lease_owner=None,
        lease_expires=0.0,
        not_before=now() + delay_seconds,
        **counted,
    )


def let_go(session: Session, claim: Claim) -> None:
    """Drop what is left of a lease on a superseded operation, so that its successor may start."""
    session.execute(
        update(Operation)
        .where(
            Operation.uuid == claim.uuid,
            Operation.fence == claim.fence,
            Operation.lease_owner == claim.owner,
        )
        .values(lease_owner=None, lease_expires=0.0)
    )


def finish(
    session: Session,
    claim: Claim,
    outcome: states.Outcome,
    reason: str | None,
    cluster: Mapping[str, Any],
    addresses: Mapping[str, list[str]],
) -> None:
    """End an operation and show it in the cluster's status.

    :param cluster: columns of the cluster to write with it.
    :param addresses: of the nodes of a role, for its default node group.
    :raises LeaseLost: nothing was written.
    """
    _end(session, claim, outcome, reason)
    for role, found in addresses.items():
        group = _default_group(claim.cluster_id, role)
        session.execute(group.values(node_addresses=found, updated_at=utcnow()))
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
    _change(
        session,
        claim,
        state=states.OperationState(outcome.value),
        reason=reason,
        lease_owner=None,
        lease_expires=0.0,
        finished_at=utcnow(),
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
) -> Operation:
    """Write what was asked for, in the transaction that changes the cluster's row."""
    operation = Operation(
        uuid=uuid,
        cluster_id=cluster.uuid,
        project_id=cluster.project_id,
        user_id=user_id,
        request_id=request_id,
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
        if changed(session, still_open.values(ended)):
            superseded.append(operation)
    return superseded


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
