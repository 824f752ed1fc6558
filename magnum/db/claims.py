# SPDX-License-Identifier: Apache-2.0
"""Claims on operations: the leases of :mod:`magnum.db.leases`, and what operations add to them.

An operation is claimed only while no older one of the same cluster is still held by anybody, so
that a delete never runs beside the create it superseded.

Operations that wait for their stacks gather with one conductor a project, see :func:`watchers`, so
that Heat is asked once for all of them however many conductors there are.

All functions take a session and are run by :class:`magnum.db.session.Database`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, and_, desc, exists, func, select, update
from sqlalchemy.orm import Session, aliased

from magnum.core import states
from magnum.db.functions import now
from magnum.db.leases import FREE, Lease, Leases
from magnum.db.models import Operation

_LEASES = Leases(
    "Operation",
    Operation,
    Operation.uuid,
    may_begin=Operation.state.in_(states.OPEN_OPERATION_STATES),
    may_go_on=Operation.state == states.OperationState.RUNNING,
    state=states.OperationState.RUNNING,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Lease):
    """An operation as its holder knows it.

    :ivar trouble: what the last failure of the present step was, None when there was none.
    """

    action: states.Action
    change: Mapping[str, Any]
    step: str | None
    progress: Mapping[str, Any]
    trouble: str | None

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


def claim(session: Session, owner: str, lease_seconds: float, limit: int) -> list[Claim]:
    """Take up to ``limit`` operations for ``owner``; others may win some of them meanwhile."""
    taken = _LEASES.claim(
        session, owner, lease_seconds, limit, select(Operation), *_in_nobodys_way(owner)
    )
    return [
        Claim(
            **known,
            action=states.Action(row.action),
            change=row.change,
            step=row.step,
            progress=row.progress,
            trouble=row.reason if row.attempts else None,
        )
        for row, known in taken
    ]


def _in_nobodys_way(owner: str) -> tuple[ColumnElement[bool], ...]:
    """Build the conditions of operations that others leave to ``owner``."""
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
    return ~still_held, ~watched_by_another


def renew(session: Session, owner: str, lease_seconds: float, held: Iterable[Claim]) -> set[str]:
    """Prolong the leases ``owner`` still has by the claims ``held``.

    :returns: the operations that are still to be worked on by them.  The others were taken over, or
        superseded: their lease is prolonged too, until their holder has let go of them.
    """
    still = _LEASES.renew(session, owner, lease_seconds, held)
    open_ones = select(Operation.uuid).where(
        still, Operation.state == states.OperationState.RUNNING
    )
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


def change(session: Session, claim: Claim, **values: Any) -> None:
    """Change columns of an operation that is held.

    :raises LeaseLost: it is not any more; nothing was written.
    """
    _LEASES.change(session, claim, **values)


def release(session: Session, claim: Claim, delay_seconds: float, trouble: str | None) -> None:
    """Give an operation back, to be claimed by anyone after a pause.

    :param trouble: why the present step failed, which counts as one more failure of it; None when
        it did not.
    :raises LeaseLost: it was not ours any more.
    """
    told = {} if trouble is None else {"reason": trouble}
    _LEASES.release(session, claim, delay_seconds, failed=trouble is not None, **told)


def let_go(session: Session, claim: Claim) -> None:
    """Drop what is left of a lease on a superseded operation, so that its successor may start."""
    session.execute(update(Operation).where(_LEASES.mine(claim)).values(**FREE))
