# SPDX-License-Identifier: Apache-2.0
"""Finding rows within what their caller may see; :mod:`magnum.db.pages` lists them.

All functions take a session, or a connection where plain rows do, and are run by
:class:`magnum.db.session.Database`.  A row of another project does not exist for its caller;
whoever may see more says so by the scope it passes.
"""

import functools
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, TypeVar, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session, joinedload, selectinload

from magnum.core import errors, states
from magnum.core.idents import is_uuid
from magnum.db.functions import same
from magnum.db.models import (
    Cluster,
    ClusterTemplate,
    Container,
    Event,
    MagnumService,
    NodeGroup,
    Operation,
    addresses,
    count,
    utcnow,
)

Row = TypeVar("Row", Cluster, ClusterTemplate, Container)
Found = TypeVar("Found", ClusterTemplate, Container, "SeenCluster")

NOUNS: dict[type, str] = {Cluster: "bay", ClusterTemplate: "baymodel", Container: "container"}


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows: those of one project and what else is shown to it.

    :ivar public: everybody's public ones too.
    :ivar all_projects: everybody's.
    """

    project_id: str
    public: bool = False
    all_projects: bool = False


def visible(model: type[Row], scope: Scope) -> ColumnElement[bool]:
    """Build the condition of rows that a scope shows."""
    if scope.all_projects:
        return true()
    own = model.project_id == scope.project_id
    if scope.public and issubclass(model, ClusterTemplate):
        return or_(own, model.public)
    return own


def shown(model: type[Row]) -> Select[Row]:
    """Select rows with all that the API reads of them later."""
    if model is Cluster:
        return select(model).options(selectinload(Cluster.node_groups))
    return select(model)


class SeenCluster(SimpleNamespace):
    """A cluster as it is shown: its columns, and its nodes over all node groups.

    It can be read as a :class:`~magnum.db.models.Cluster` can and costs half as much to load,
    which counts where most requests end with it.
    """

    uuid: str
    project_id: str
    user_id: str
    name: str
    status: str
    ca_cert_ref: str | None
    node_count: int
    master_count: int
    node_addresses: list[str] | None
    master_addresses: list[str] | None


AnyCluster = Cluster | SeenCluster
"""A cluster, however it was loaded."""


def template(session: Session, ident: str, scope: Scope) -> ClusterTemplate:
    """Return the template of a uuid or name.

    A row of the scope's own project comes before those of others: nobody can take a name away
    from it by giving the same to something public.

    :raises NotFound: there is none that the scope shows.
    :raises Ambiguous: several have that name, either of the project or, if none is, of others.
    """
    query = _named(ClusterTemplate, is_uuid(ident), scope.public, scope.all_projects)
    rows: Sequence[ClusterTemplate] = session.scalars(query, _wanted(ident, scope)).all()
    return _only(ClusterTemplate, rows, ident, scope)


def container(session: Session, ident: str, scope: Scope) -> Container:
    """Return the container of a uuid or name, likewise.

    :raises NotFound: there is none that the scope shows.
    :raises Ambiguous: several have that name, either of the project or, if none is, of others.
    """
    query = _named(Container, is_uuid(ident), scope.public, scope.all_projects)
    rows: Sequence[Container] = session.scalars(query, _wanted(ident, scope)).all()
    return _only(Container, rows, ident, scope)


def cluster(connection: Connection, ident: str, scope: Scope) -> SeenCluster:
    """Return the cluster of a uuid or name, as :func:`template` does.

    :raises NotFound: there is none that the scope shows.
    :raises Ambiguous: several have that name, either of the project or, if none is, of others.
    """
    query = _named_with_groups(is_uuid(ident), scope.all_projects)
    lines = connection.execute(query, _wanted(ident, scope)).all()
    rows = [_seen(list(those)) for _, those in itertools.groupby(lines, lambda line: line.id)]
    return _only(Cluster, rows, ident, scope)


@functools.cache
def _named(model: type[Row], has_uuid: bool, public: bool, all_projects: bool) -> Select[Row]:
    """Build the statement that finds rows by uuid or name, to the letter: two tell of more.

    Once each: building and looking through a statement takes longer than what the database does
    with this one.
    """
    scope = bound_scope(public, all_projects)
    ident = bindparam("ident", type_=String())
    is_it = model.uuid == ident if has_uuid else same(model.name, ident)
    own_first = model.project_id != scope.project_id
    return select(model).where(visible(model, scope), is_it).order_by(own_first).limit(2)


@functools.cache
def _named_with_groups(has_uuid: bool, all_projects: bool) -> Select[Any]:
    """Build the statement that finds clusters likewise: a line for each of their node groups."""
    # A name may be that of many; as a uuid is not, it needs no table in between.
    found = (
        Cluster.__table__ if has_uuid else _named(Cluster, False, False, all_projects).subquery()
    )
    groups = (NodeGroup.role, NodeGroup.node_count, NodeGroup.node_addresses)
    lines = select(found, *groups).outerjoin(NodeGroup, NodeGroup.cluster_id == found.c.uuid)
    scope = bound_scope(False, all_projects)
    if has_uuid:
        ident = bindparam("ident", type_=String())
        lines = lines.where(visible(Cluster, scope), Cluster.uuid == ident)
    own_first = found.c.project_id != scope.project_id
    return lines.order_by(own_first, found.c.id, NodeGroup.id)


def _seen(lines: Sequence[Any]) -> SeenCluster:
    """Make a cluster of its lines, each of which is one of its node groups too."""
    return SeenCluster(
        **dict(zip(Cluster.__table__.columns.keys(), lines[0], strict=False)),
        node_count=count(lines, "worker"),
        master_count=count(lines, "master"),
        node_addresses=addresses(lines, "worker"),
        master_addresses=addresses(lines, "master"),
    )


def bound_scope(public: bool, all_projects: bool) -> Scope:
    """Return a scope for statements that are built once; each execution names the project."""
    return Scope(cast("str", bindparam("project_id", type_=String())), public, all_projects)


def _wanted(ident: str, scope: Scope) -> dict[str, str]:
    return {"ident": ident, "project_id": scope.project_id}


def _only(model: type, rows: Sequence[Found], ident: str, scope: Scope) -> Found:
    """Return the one row meant, those of the scope's own project being first."""
    if not rows:
        raise errors.NotFound(f"There is no {NOUNS[model]} {errors.first_sentence(ident, 255)}.")
    if [row.project_id == scope.project_id for row in rows] in ([True, True], [False, False]):
        raise errors.Ambiguous(NOUNS[model], ident)
    return rows[0]


def by_uuid(session: Session, model: type[Row], uuid: str) -> Row | None:
    """Return a row whosever it is, a cluster with its template too.

    Only for who acts on behalf of the service itself.
    """
    if not is_uuid(uuid):
        return None
    query = shown(model).where(model.uuid == uuid)
    if model is Cluster:
        query = query.options(joinedload(Cluster.template, innerjoin=True))
    return session.scalars(query).one_or_none()


def authorities(connection: Connection, uuids: Iterable[str]) -> Sequence[Any]:
    """Return what it takes to trust clusters' nodes, those that are still there, as plain rows.

    Only for who acts on behalf of the service itself.
    """
    return connection.execute(_authorities(), {"uuids": [*uuids]}).all()


@functools.cache
def _authorities() -> Select[*tuple[Any, ...]]:
    query = select(
        Cluster.uuid, ClusterTemplate.tls_disabled, Cluster.ca_cert_ref, Cluster.magnum_cert_ref
    ).join(ClusterTemplate, ClusterTemplate.uuid == Cluster.cluster_template_id)
    return query.where(Cluster.uuid.in_(bindparam("uuids", type_=String(), expanding=True)))


def lock(session: Session, model: type[Row], uuid: str) -> Row:
    """Return a row and keep others from changing it until the transaction ends.

    Nothing is joined to it: MariaDB has no FOR UPDATE OF and would lock that as well.

    :raises NotFound: it has gone meanwhile.
    """
    query = shown(model).where(model.uuid == uuid).with_for_update()
    row = session.scalars(query).one_or_none()
    if row is None:
        raise errors.NotFound(f"There is no {NOUNS[model]} {uuid}.")
    return row


def lock_as_seen(session: Session, seen: Row, names: Iterable[str] | None = None) -> Row:
    """Lock a row as :func:`lock` does, unless somebody has changed it since it was read.

    What is written after that was computed from the row as it was read, outside of the
    transaction; what others have written since would be lost, or was never checked.

    :param seen: the row as it was read.
    :param names: columns that matter; by default all but the moment of the last change, which is
        a whole second and may be that of two changes.
    :raises NotFound: it has gone meanwhile.
    :raises Conflict: it was changed meanwhile.
    """
    row = lock(session, type(seen), seen.uuid)
    columns = row.__mapper__.columns.keys() if names is None else names
    for name in columns:
        if name != "updated_at" and getattr(row, name) != getattr(seen, name):
            noun, shown = (
                NOUNS[type(seen)].capitalize(),
                errors.first_sentence(seen.name or seen.uuid),
            )
            raise errors.Conflict(f"{noun} {shown} was changed meanwhile, try again.")
    return row


def template_of(session: Session, cluster: Cluster) -> ClusterTemplate:
    """Return the template of a cluster, which is there as long as the cluster is."""
    query = shown(ClusterTemplate).where(ClusterTemplate.uuid == cluster.cluster_template_id)
    return session.scalars(query).one()


def clusters_of_template(session: Session, template_uuid: str) -> int:
    """Count the clusters that refer to a template."""
    query = select(func.count()).where(Cluster.cluster_template_id == template_uuid)
    return session.scalar(query) or 0


def clusters_needing_access(
    session: Session, project_id: str, cluster_uuid: str, done_after: str
) -> int:
    """Count a project's clusters, besides one, for which the service acts in the project.

    :param done_after: the step of a deletion after which it does not any more.  Two deletions
        that end at the same time must not each leave the roles to the other: the step is
        recorded before this is asked, so at least one of them sees the other done.
    """
    past_it = exists().where(
        Operation.cluster_id == Cluster.uuid,
        Operation.action == states.Action.DELETE,
        Operation.state == states.OperationState.RUNNING,
        Operation.step == done_after,
    )
    others = and_(Cluster.project_id == project_id, Cluster.uuid != cluster_uuid, ~past_it)
    return session.scalar(select(func.count()).select_from(Cluster).where(others)) or 0


def was_superseded_after(session: Session, cluster_uuid: str, step: str) -> bool:
    """Tell whether a cluster's deletion came when its creation had just done a step."""
    creation = exists().where(
        Operation.cluster_id == cluster_uuid,
        Operation.action == states.Action.CREATE,
        Operation.state == states.OperationState.SUPERSEDED,
        Operation.step == step,
    )
    return bool(session.scalar(select(creation)))


def events(session: Session, cluster_id: str) -> Sequence[Event]:
    """Return a cluster's events, oldest first."""
    return session.scalars(
        select(Event).where(Event.cluster_id == cluster_id).order_by(Event.id)
    ).all()


def add_events(
    session: Session,
    cluster_id: str,
    operation_id: str | None,
    told: Sequence[tuple[str, str, str]],
) -> None:
    """Write events, each a (severity, resource, text)."""
    session.add_all(
        Event(
            cluster_id=cluster_id,
            operation_id=operation_id,
            severity=severity,
            resource=resource,
            text=text,
        )
        for severity, resource, text in told
    )


def last_texts(session: Session, operation_id: str) -> dict[str, str]:
    """Return the last text of each resource that an operation's events tell of."""
    told = session.execute(
        select(Event.resource, Event.text)
        .where(Event.operation_id == operation_id)
        .order_by(Event.id)
    )
    return {row.resource: row.text for row in told}


def conductors(session: Session) -> Sequence[MagnumService]:
    """Return every conductor that ever reported, by age."""
    return session.scalars(select(MagnumService).order_by(MagnumService.id)).all()


def heartbeat(session: Session, host: str, binary: str) -> None:
    """Record that a service of a host is alive."""
    row = session.scalars(
        select(MagnumService).where(MagnumService.host == host, MagnumService.binary == binary)
    ).one_or_none()
    if row is None:
        row = MagnumService(host=host, binary=binary, report_count=0)
        session.add(row)
    row.report_count += 1
    row.last_seen_up = row.updated_at = utcnow()
