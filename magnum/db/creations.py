# SPDX-License-Identifier: Apache-2.0
"""Containers that are to be made, and who makes them now.

The rules are those of operations, see :mod:`magnum.db.claims`: only the holder of the newest fence
can write for one.  A creation that is cancelled is still carried on: whatever was made of it is
taken away again, and then the container's row.

All functions take a session and are run by :class:`magnum.db.session.Database`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, exists, select, tuple_, update
from sqlalchemy.orm import Session

from magnum.core import errors
from magnum.core.container import Status
from magnum.db.claims import changed
from magnum.db.functions import now
from magnum.db.models import Container, ContainerCreation, utcnow


@dataclass(frozen=True, slots=True)
class Creation:
    """A container to be made, as its holder knows it; ``fence`` proves the right to write.

    :ivar attempts: failures so far.
    :ivar cancelled: whether it is to be taken away instead.
    :ivar seconds_left: until its deadline, by the database's clock when it was claimed.
    :ivar taken_over: whether another conductor had let its lease on it run out.
    """

    container_id: str
    cluster_id: str
    project_id: str
    user_id: str
    request_id: str | None
    global_request_id: str | None
    attempts: int
    cancelled: bool
    fence: int
    owner: str
    seconds_left: float
    taken_over: bool


def claim(
    session: Session,
    owner: str,
    lease_seconds: float,
    limit: int,
    container_id: str | None = None,
) -> list[Creation]:
    """Take up to ``limit`` creations that nobody holds for ``owner``, oldest first.

    :param container_id: the only container that is wanted; None for any.
    """
    taken = {
        uuid: last_owner
        for uuid, fence, last_owner in session.execute(_claimable(limit, container_id)).all()
        if _take(session, owner, lease_seconds, uuid, fence)
    }
    if not taken:
        return []
    rows = session.execute(
        select(ContainerCreation, Container, ContainerCreation.deadline - now())
        .join(Container, Container.uuid == ContainerCreation.container_id)
        .where(ContainerCreation.container_id.in_(taken), ContainerCreation.lease_owner == owner)
        .order_by(ContainerCreation.id)
    )
    return [
        _creation(row, container, seconds, taken[container.uuid] not in (None, owner))
        for row, container, seconds in rows
    ]


def _free() -> ColumnElement[bool]:
    """Build the condition of creations that nobody holds, whose time has come."""
    return and_(ContainerCreation.lease_expires <= now(), ContainerCreation.not_before <= now())


def _claimable(limit: int, container_id: str | None) -> Select[str, int, str | None]:
    query = select(
        ContainerCreation.container_id, ContainerCreation.fence, ContainerCreation.lease_owner
    ).where(_free())
    if container_id is not None:
        query = query.where(ContainerCreation.container_id == container_id)
    return query.order_by(ContainerCreation.id).limit(limit)


def _take(session: Session, owner: str, lease_seconds: float, uuid: str, fence: int) -> bool:
    """Take one creation, unless another was faster."""
    attempt = (
        update(ContainerCreation)
        .where(ContainerCreation.container_id == uuid, ContainerCreation.fence == fence, _free())
        .values(
            lease_owner=owner,
            lease_expires=now() + lease_seconds,
            fence=fence + 1,
            updated_at=utcnow(),
        )
    )
    return changed(session, attempt)


def _creation(
    row: ContainerCreation, container: Container, seconds_left: float, taken_over: bool
) -> Creation:
    return Creation(
        container_id=row.container_id,
        cluster_id=container.cluster_id,
        project_id=container.project_id,
        user_id=container.user_id,
        request_id=row.request_id,
        global_request_id=row.global_request_id,
        attempts=row.attempts,
        cancelled=row.cancelled,
        fence=row.fence,
        owner=row.lease_owner or "",
        seconds_left=float(seconds_left),
        taken_over=taken_over,
    )


def renew(
    session: Session, owner: str, lease_seconds: float, held: Iterable[Creation]
) -> dict[str, bool]:
    """Prolong the leases ``owner`` still has by the claims ``held``.

    :returns: for each container that is still held, whether its creation is cancelled.
    """
    fences = [(each.container_id, each.fence) for each in held]
    mine = and_(
        ContainerCreation.lease_owner == owner,
        ContainerCreation.container_id.in_([uuid for uuid, _ in fences]),
        tuple_(ContainerCreation.container_id, ContainerCreation.fence).in_(fences),
    )
    until = {"lease_expires": now() + lease_seconds}
    session.execute(update(ContainerCreation).where(mine).values(until))
    found = select(ContainerCreation.container_id, ContainerCreation.cancelled).where(mine)
    return {row.container_id: bool(row.cancelled) for row in session.execute(found)}


def say(session: Session, creation: Creation, text: str) -> None:
    """Show how far a creation is in the container's ``status_reason``.

    :raises LeaseLost: it is held no more; nothing was written.
    """
    _change(session, creation)
    _show(session, creation, status_reason=text)


def made(session: Session, creation: Creation, docker_id: str) -> bool:
    """End a creation: the container is there, and stopped.

    :returns: whether that was written; False when it was cancelled, so that what was made must
        go and then :func:`gone` is to be called.
    :raises LeaseLost: it is held no more; nothing was written.
    """
    if not _end(session, creation):
        return False
    _show(session, creation, docker_id=docker_id, status=Status.STOPPED, status_reason=None)
    return True


def failed(session: Session, creation: Creation, reason: str) -> bool:
    """End a creation that made nothing; the row stays, for its user to read why.

    Its memory is free again.  Returns and raises what :func:`made` does.
    """
    if not _end(session, creation):
        return False
    _show(session, creation, status=Status.ERROR, status_reason=reason, memory_bytes=0)
    return True


def gone(session: Session, creation: Creation) -> None:
    """End a cancelled creation of which nothing is left on any engine: the row goes.

    :raises LeaseLost: it is held no more; nothing was written.
    """
    _change(session, creation)
    session.execute(delete(Container).where(Container.uuid == creation.container_id))


def release(session: Session, creation: Creation, delay_seconds: float, trouble: str) -> None:
    """Give a creation back, to be claimed by anyone after a pause.

    :param trouble: why it failed this time; empty when it did not.
    :raises LeaseLost: it is held no more; nothing was written.
    """
    counted = {"attempts": ContainerCreation.attempts + 1} if trouble else {}
    _change(
        session,
        creation,
        lease_owner=None,
        lease_expires=0.0,
        not_before=now() + delay_seconds,
        **counted,
    )
    if trouble:
        _show(session, creation, status_reason=f"{trouble} Trying again.")


def cancel(session: Session, container_id: str) -> bool:
    """Have a container taken away that is still being made.

    Who makes it learns that when it renews its lease or ends.

    :returns: whether there was anything to cancel; otherwise the container is to be deleted
        where it is.
    """
    its = ContainerCreation.container_id == container_id
    return changed(
        session, update(ContainerCreation).where(its).values(cancelled=True, not_before=0.0)
    )


def is_open(session: Session, container_id: str) -> bool:
    """Tell whether a container is still to be made, or to be taken away while it is made."""
    its = exists().where(ContainerCreation.container_id == container_id)
    return bool(session.scalar(select(its)))


def pending(session: Session, container_ids: Iterable[str]) -> Mapping[str, str]:
    """Return those of some containers that are still to be made, with what is said of each."""
    found = session.execute(
        select(Container.uuid, Container.status_reason)
        .join(ContainerCreation, ContainerCreation.container_id == Container.uuid)
        .where(Container.uuid.in_([*container_ids]))
    )
    return {row.uuid: row.status_reason or "" for row in found}


def _mine(creation: Creation) -> ColumnElement[bool]:
    """Build the condition that only the holder of the newest fence meets."""
    return and_(
        ContainerCreation.container_id == creation.container_id,
        ContainerCreation.fence == creation.fence,
        ContainerCreation.lease_owner == creation.owner,
    )


def _change(session: Session, creation: Creation, **values: Any) -> None:
    statement = update(ContainerCreation).where(_mine(creation))
    if not changed(session, statement.values(updated_at=utcnow(), **values)):
        raise _lost(creation)


def _end(session: Session, creation: Creation) -> bool:
    """Delete the creation, unless it was cancelled."""
    _change(session, creation)  # locks it, so that no cancellation comes in between
    kept = ContainerCreation.cancelled
    return changed(session, delete(ContainerCreation).where(_mine(creation), ~kept))


def _show(session: Session, creation: Creation, **values: Any) -> None:
    its = Container.uuid == creation.container_id
    session.execute(update(Container).where(its).values(updated_at=utcnow(), **values))


def _lost(creation: Creation) -> errors.LeaseLost:
    return errors.LeaseLost(
        f"The creation of container {creation.container_id} is no longer held by {creation.owner}."
    )
