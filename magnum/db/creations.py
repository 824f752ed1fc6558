# SPDX-License-Identifier: Apache-2.0
"""Containers that are to be made, and who makes them now.

Each is leased to who makes it, see :mod:`magnum.db.leases`.  A creation that is cancelled is still
carried on: whatever was made of it is taken away again, and then the container's row.

All functions take a session and are run by :class:`magnum.db.session.Database`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from magnum.core.container import Status
from magnum.db.leases import Lease, Leases, changed
from magnum.db.models import Container, ContainerCreation, utcnow

_LEASES = Leases("The creation of container", ContainerCreation, ContainerCreation.container_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation(Lease):
    """A container to be made, as its holder knows it.

    :ivar cancelled: whether it is to be taken away instead.
    """

    cancelled: bool

    @property
    def container_id(self) -> str:
        """The uuid of the container."""
        return self.uuid


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
    loaded = select(ContainerCreation, Container).join(
        Container, Container.uuid == ContainerCreation.container_id
    )
    only = () if container_id is None else (ContainerCreation.container_id == container_id,)
    taken = _LEASES.claim(session, owner, lease_seconds, limit, loaded, *only)
    return [Creation(**known, cancelled=row.cancelled) for row, known in taken]


def renew(
    session: Session, owner: str, lease_seconds: float, held: Iterable[Creation]
) -> dict[str, bool]:
    """Prolong the leases ``owner`` still has by the claims ``held``.

    :returns: for each container that is still held, whether its creation is cancelled.
    """
    still = _LEASES.renew(session, owner, lease_seconds, held)
    found = select(ContainerCreation.container_id, ContainerCreation.cancelled).where(still)
    return {row.container_id: bool(row.cancelled) for row in session.execute(found)}


def say(session: Session, creation: Creation, text: str) -> None:
    """Show how far a creation is in the container's ``status_reason``.

    :raises LeaseLost: it is held no more; nothing was written.
    """
    _LEASES.change(session, creation)
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
    _LEASES.change(session, creation)
    session.execute(delete(Container).where(Container.uuid == creation.container_id))


def release(session: Session, creation: Creation, delay_seconds: float, trouble: str) -> None:
    """Give a creation back, to be claimed by anyone after a pause.

    :param trouble: why it failed this time; empty when it did not.
    :raises LeaseLost: it is held no more; nothing was written.
    """
    _LEASES.release(session, creation, delay_seconds, failed=bool(trouble))
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


def _end(session: Session, creation: Creation) -> bool:
    """Delete the creation, unless it was cancelled."""
    _LEASES.change(session, creation)  # locks it, so that no cancellation comes in between
    kept = ContainerCreation.cancelled
    return changed(session, delete(ContainerCreation).where(_LEASES.mine(creation), ~kept))


def _show(session: Session, creation: Creation, **values: Any) -> None:
    its = Container.uuid == creation.container_id
    session.execute(update(Container).where(its).values(updated_at=utcnow(), **values))
