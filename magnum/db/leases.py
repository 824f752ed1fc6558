# SPDX-License-Identifier: Apache-2.0
"""Leases on rows that conductors work on: who may carry out what, now.

The one invariant: of all conductors only the holder of the newest fence of a row can write for it.
Each claim raises the fence, compare-and-swap, and each write compares it.  How that is used is told
by :mod:`magnum.db.claims` for operations and :mod:`magnum.db.creations` for containers.

All functions take a session and are run by :class:`magnum.db.session.Database`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Delete,
    Select,
    Update,
    and_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from magnum.core import errors
from magnum.db.functions import now
from magnum.db.models import ContainerCreation, Operation, utcnow

Row = TypeVar("Row", Operation, ContainerCreation)

FREE: Mapping[str, Any] = MappingProxyType({"lease_owner": None, "lease_expires": 0.0})
"""The columns of a row that nobody holds: no name is left of who gave it back, or ended it."""

_ALL = true()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A row as its holder knows it; ``fence`` proves the right to write.

    :ivar uuid: of the operation, or of the container that is to be made.
    :ivar attempts: failures so far; of an operation, in a row of the present step.
    :ivar seconds_left: until its deadline, by the database's clock when it was claimed.
    :ivar taken_over: whether another conductor had let its lease on it run out.
    """

    uuid: str
    cluster_id: str
    project_id: str
    user_id: str
    request_id: str | None
    global_request_id: str | None
    attempts: int
    fence: int
    owner: str
    seconds_left: float
    taken_over: bool


class Leases(Generic[Row]):
    """The leases on the rows of one table.

    :param noun: what a row is, for errors.
    :param uuid: the column of :attr:`Lease.uuid`.
    :param may_begin: which rows can be claimed at all.
    :param may_go_on: which of those that are held may be written for.
    :param begun: columns to write with a claim.
    """

    def __init__(
        self,
        noun: str,
        model: type[Row],
        uuid: InstrumentedAttribute[str],
        may_begin: ColumnElement[bool] = _ALL,
        may_go_on: ColumnElement[bool] = _ALL,
        **begun: Any,
    ) -> None:
        self._noun, self._uuid = noun, uuid
        self._model: type[Row] = model
        self._may_go_on = may_go_on
        self._begun = begun
        over = (model.lease_expires <= now(), model.not_before <= now())
        self._is_free = and_(may_begin, *over)

    def claim(
        self,
        session: Session,
        owner: str,
        seconds: float,
        limit: int,
        loaded: Select[*tuple[Any, ...]],
        *conditions: ColumnElement[bool],
    ) -> list[tuple[Row, dict[str, Any]]]:
        """Take up to ``limit`` rows that nobody holds, whose time has come, oldest first.

        Others may win some of them meanwhile.

        :param seconds: until others may take them.
        :param loaded: selects the rows, and with each what tells whose it is if it does not itself.
        :param conditions: which ones are wanted.
        :returns: the rows, each with the fields of its :class:`Lease`.
        """
        model = self._model
        free = (
            select(self._uuid, model.fence, model.lease_owner)
            .where(self._is_free, *conditions)
            .order_by(model.id)
            .limit(limit)
        )
        taken = {
            uuid: last_owner
            for uuid, fence, last_owner in session.execute(free).all()
            if self._take(session, owner, seconds, uuid, fence)
        }
        if not taken:
            return []
        rows = session.execute(
            loaded.add_columns(model.deadline - now())
            .where(self._uuid.in_(taken), model.lease_owner == owner)
            .order_by(model.id)
        )
        found = []
        for row, *whose, seconds_left in rows:
            its = whose[0] if whose else row
            found.append((row, _known(row, its, seconds_left, taken[its.uuid])))
        return found

    def _take(self, session: Session, owner: str, seconds: float, uuid: str, fence: int) -> bool:
        """Take one row, unless another was faster."""
        values = {"lease_owner": owner, "lease_expires": now() + seconds, "fence": fence + 1}
        attempt = update(self._model).where(
            self._uuid == uuid, self._model.fence == fence, self._is_free
        )
        return changed(session, attempt.values(**values, **self._begun, updated_at=utcnow()))

    def renew(
        self, session: Session, owner: str, seconds: float, held: Iterable[Lease]
    ) -> ColumnElement[bool]:
        """Prolong the leases ``owner`` still has of those it held.

        Others were taken over, perhaps by ``owner`` itself, which sweeps up what it could not
        renew as any other does.

        :returns: the condition of the rows that it still has.
        """
        fences = [(lease.uuid, lease.fence) for lease in held]
        still = and_(
            self._model.lease_owner == owner,
            self._uuid.in_([uuid for uuid, _ in fences]),  # finds them by index, pairs do not
            tuple_(self._uuid, self._model.fence).in_(fences),
        )
        until = {"lease_expires": now() + seconds}
        session.execute(update(self._model).where(still).values(until))
        return still

    def mine(self, lease: Lease) -> ColumnElement[bool]:
        """Build the condition that the row meets while its holder has the newest fence."""
        return and_(
            self._uuid == lease.uuid,
            self._model.fence == lease.fence,
            self._model.lease_owner == lease.owner,
        )

    def change(self, session: Session, lease: Lease, **values: Any) -> None:
        """Change columns of a row that is held.

        :raises LeaseLost: it is not any more; nothing was written.
        """
        mine = update(self._model).where(self.mine(lease), self._may_go_on)
        if not changed(session, mine.values(updated_at=utcnow(), **values)):
            raise errors.LeaseLost(f"{self._noun} {lease.uuid} is no longer held by {lease.owner}.")

    def release(
        self, session: Session, lease: Lease, delay_seconds: float, *, failed: bool, **values: Any
    ) -> None:
        """Give a row back, to be claimed by anyone after a pause.

        :param failed: whether that counts as one more failure.
        :param values: further columns to write.
        :raises LeaseLost: it is held no more; nothing was written.
        """
        if failed:
            values["attempts"] = self._model.attempts + 1
        self.change(session, lease, **FREE, not_before=now() + delay_seconds, **values)


def _known(row: Any, its: Any, seconds_left: float, last_owner: str | None) -> dict[str, Any]:
    return {
        **{name: getattr(its, name) for name in ("uuid", "cluster_id", "project_id", "user_id")},
        **{name: getattr(row, name) for name in ("request_id", "global_request_id", "attempts")},
        "fence": row.fence,
        "owner": row.lease_owner,
        "seconds_left": float(seconds_left),
        "taken_over": last_owner not in (None, row.lease_owner),
    }


def changed(session: Session, statement: Update | Delete) -> bool:
    """Run a statement and tell whether it met any row: compare-and-swap."""
    return cast("CursorResult[Any]", session.execute(statement)).rowcount > 0
