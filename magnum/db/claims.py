# SPDX-License-Identifier: Apache-2.0
"""Claims on operations: who may carry out what, now.

The one invariant: of all conductors only the holder of the newest fence of an operation can
write for it, and an operation is claimed only while no older one of the same cluster is still
held by anybody, so that a delete never runs beside the create it superseded.

Operations that wait for their stacks gather with one conductor a project, see :func:`watchers`, so
that Heat is asked once for all of them however many conductors there are.

All functions take a session and are run by :class:`magnum.db.session.Database`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from sqlalchemy import (
    CursorResult,
    Delete,
    Select,
    Update,
    and_,
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
from magnum.db.models import Operation, utcnow


@dataclass(frozen=True, slots=True)
class Claim:
    """An operation as its holder knows it; ``fence`` proves the right to write.

    :ivar attempts: failures in a row of the present step.
    :ivar trouble: what the last one of them was, None when there was none.
    :ivar seconds_left: until its deadline, by the database's clock when it was claimed.
    :ivar taken_over: whether another conductor had let its lease on it run out.
    """

    uuid: str
    cluster_id: str
    project_id: str
    user_id: str
    request_id: str | None
    global_request_id: str | None
    action: states.Action
    change: Mapping[str, Any]
    step: str | None
    progress: Mapping[str, Any]
    attempts: int
    trouble: str | None
    fence: int
    owner: str
    seconds_left: float
    taken_over: bool

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


def claimable(owner: str, limit: int) -> Select[str, int, str | None]:
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
        select(Operation.uuid, Operation.fence, Operation.lease_owner)
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
    taken: dict[str, str | None] = {}
    for uuid, fence, last_owner in session.execute(claimable(owner, limit)).all():
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
            taken[uuid] = last_owner
    if not taken:
        return []
    rows = session.execute(
        select(Operation, Operation.deadline - now())
        .where(Operation.uuid.in_(taken), Operation.lease_owner == owner)
        .order_by(Operation.id)
    )
    # Who gives an operation back, or ends it, leaves no name there.
    return [
        _claim(row, seconds_left, taken[row.uuid] not in (None, owner))
        for row, seconds_left in rows
    ]


def _claim(row: Operation, seconds_left: float, taken_over: bool) -> Claim:
    return Claim(
        uuid=row.uuid,
        cluster_id=row.cluster_id,
        project_id=row.project_id,
        user_id=row.user_id,
        request_id=row.request_id,
        global_request_id=row.global_request_id,
        action=states.Action(row.action),
        change=row.change,
        step=row.step,
        progress=row.progress,
        attempts=row.attempts,
        trouble=row.reason if row.attempts else None,
        fence=row.fence,
        owner=row.lease_owner or "",
        seconds_left=float(seconds_left),
        taken_over=taken_over,
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


def changed(session: Session, statement: Update | Delete) -> bool:
    """Run a statement and tell whether it met any row: the compare-and-swap of this module."""
    return cast("CursorResult[Any]", session.execute(statement)).rowcount > 0


def _mine(claim: Claim) -> Update:
    """Begin an update that only the holder of the newest fence can make."""
    return update(Operation).where(
        Operation.uuid == claim.uuid,
        Operation.fence == claim.fence,
        Operation.lease_owner == claim.owner,
        Operation.state == states.OperationState.RUNNING,
    )


def change(session: Session, claim: Claim, **values: Any) -> None:
    """Change columns of an operation that is held.

    :raises LeaseLost: it is not any more; nothing was written.
    """
    if not changed(session, _mine(claim).values(updated_at=utcnow(), **values)):
        raise errors.LeaseLost(f"Operation {claim.uuid} is no longer held by {claim.owner}.")


def release(session: Session, claim: Claim, delay_seconds: float, trouble: str | None) -> None:
    """Give an operation back, to be claimed by anyone after a pause.

    :param trouble: why the present step failed, which counts as one more failure of it; None when
        it did not.
    :raises LeaseLost: it was not ours any more.
    """
    counted = {} if trouble is None else {"reason": trouble, "attempts": Operation.attempts + 1}
    change(
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
