# SPDX-License-Identifier: Apache-2.0
"""Containers: placing one on an engine, and what is seen of those that are there.

Who makes one is told by :mod:`magnum.db.creations`.  All functions take a session and are run by
:class:`magnum.db.session.Database`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    case,
    cast,
    delete,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.orm import Session, joinedload

from magnum.core import errors, states
from magnum.core.container import Seen, Status
from magnum.core.placement import Engine, Load, choose
from magnum.db import repository
from magnum.db.functions import now, same
from magnum.db.leases import changed
from magnum.db.models import Cluster, Container, ContainerCreation, Event, utcnow


def add(
    session: Session,
    container: Container,
    engines: Iterable[Engine],
    timeout_seconds: float,
    request_id: str | None = None,
    global_request_id: str | None = None,
) -> None:
    """Write a container, its memory reserved on one of the engines, and that it is to be made.

    :param container: a new row, with its cluster; its engine is set here.
    :param timeout_seconds: how long making it may take.
    :raises NotFound: the cluster has gone.
    :raises WrongStatus: the cluster is not one that can have containers now.
    :raises Conflict: the cluster has a container of that name.
    :raises Invalid: no engine has room for it.
    """
    locked = reserve(session, container, engines)
    if locked.status not in states.TAKES_CONTAINERS:
        raise not_complete(locked)
    _check_name(session, locked, container.uuid, container.name)
    container.status = Status.UNKNOWN
    container.status_reason = "It is being created."
    session.add(container)
    session.flush()
    session.add(
        ContainerCreation(
            container_id=container.uuid,
            request_id=request_id,
            global_request_id=global_request_id,
            deadline=now() + timeout_seconds,
        )
    )


def reserve(session: Session, container: Container, engines: Iterable[Engine]) -> Cluster:
    """Choose a container's engine and reserve its memory there, until the row goes.

    Keeps others from placing anything in the cluster until the transaction ends, so that two that
    come at the same time never get the same memory.  It must be the transaction's first look at
    containers: MariaDB goes on showing what it was at that.

    :param container: a row with its cluster and ``memory_bytes``, new or not; its ``host`` and
        ``host_id`` are set.
    :returns: the cluster.
    :raises NotFound: the cluster has gone.
    :raises Invalid: no engine has room for it.
    """
    locked = repository.lock(session, Cluster, container.cluster_id)
    loads = _loads(session, locked.uuid, container.uuid)
    engine = choose(engines, loads, container.memory_bytes, locked.name)
    container.host, container.host_id = engine.address, engine.node_id
    return locked


def _loads(session: Session, cluster_id: str, but: str) -> Mapping[str, Load]:
    """Sum up what is placed on each engine of a cluster."""
    idle = case((Container.status == Status.RUNNING, 0), else_=1)
    reserved = cast(func.sum(Container.memory_bytes), BigInteger)  # a Decimal on two of three
    counted = session.execute(
        select(Container.host_id, reserved, cast(func.sum(idle), BigInteger), func.count())
        .where(
            Container.cluster_id == cluster_id,
            Container.host_id.is_not(None),
            Container.uuid != but,
        )
        .group_by(Container.host_id)
    )
    return {
        str(host): Load(int(memory or 0), int(waiting or 0), int(placed))
        for host, memory, waiting, placed in counted
    }


def not_complete(cluster: Cluster) -> errors.WrongStatus:
    """Make the error of a cluster that cannot have containers now."""
    return errors.WrongStatus(
        f"Bay {errors.first_sentence(cluster.name)} is {cluster.status} and takes containers only "
        "when it is complete."
    )


def _check_name(session: Session, cluster: Cluster, uuid: str, name: str | None) -> None:
    """Check that no other container of a cluster, which is locked, has a name."""
    if name is None:
        return
    named = exists().where(
        Container.cluster_id == cluster.uuid, Container.uuid != uuid, same(Container.name, name)
    )
    if session.scalar(select(named)):
        raise errors.Conflict(
            f"Bay {errors.first_sentence(cluster.name)} has a container "
            f"{errors.first_sentence(name)} already, delete it first or choose another name."
        )


def cluster(session: Session, uuid: str, scope: repository.Scope) -> Cluster | None:
    """Return a cluster that a scope shows, with its template; None where there is none."""
    query = select(Cluster).options(joinedload(Cluster.template, innerjoin=True))
    its = query.where(repository.visible(Cluster, scope), Cluster.uuid == uuid)
    return session.scalars(its).one_or_none()


def by_uuids(session: Session, uuids: Iterable[str]) -> Sequence[Container]:
    """Return containers whosever they are, those that are still there.

    Only for who acts on behalf of the service itself.
    """
    query = select(Container).where(Container.uuid.in_([*uuids])).order_by(Container.id)
    return session.scalars(query).all()


def record(session: Session, seen: Mapping[str, Seen]) -> None:
    """Write what engines told of containers, by uuid.

    What is still to be made is left alone: who makes it tells more.
    """
    made = Container.docker_id.is_not(None)
    for uuid, state in seen.items():
        session.execute(
            update(Container)
            .where(Container.uuid == uuid, made)
            .values(status=state.status, status_reason=state.reason)
        )


def remove(session: Session, uuid: str) -> bool:
    """Delete the row of a container of which nothing is left, and that nobody is making.

    :returns: whether it was there; one that is being made is not deleted.
    """
    being_made = exists().where(ContainerCreation.container_id == Container.uuid)
    return changed(session, delete(Container).where(Container.uuid == uuid, ~being_made))


def tell(session: Session, container: Container, severity: str, text: str) -> None:
    """Write an event of a container among those of its cluster."""
    session.add(
        Event(
            cluster_id=container.cluster_id,
            severity=severity,
            resource=f"container {container.name or container.uuid}"[:255],
            text=text,
        )
    )


def change(session: Session, seen: Container, values: Mapping[str, Any]) -> Container:
    """Change what is stored of a container.

    :param seen: the row as it was read; the values were computed from what it had in their places.
    :raises NotFound: it has gone.
    :raises Conflict: its cluster has another one of that name, or somebody else has changed one of
        these values since it was read.
    """
    if values.get("name") is not None:
        locked = repository.lock(session, Cluster, seen.cluster_id)
        _check_name(session, locked, seen.uuid, values["name"])
    row = repository.lock_as_seen(session, seen, values)  # its state changes all the time
    for name, value in values.items():
        setattr(row, name, value)
    row.updated_at = utcnow()
    return row
