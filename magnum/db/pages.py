# SPDX-License-Identifier: Apache-2.0
"""Pages of lists: the rows a scope shows, sorted alike on every database.

Functions take a session, or a connection where plain rows do, as in :mod:`magnum.db.repository`.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    SQLColumnExpression,
    String,
    and_,
    bindparam,
    false,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import Session

from magnum.core import errors
from magnum.db.models import Cluster, Container
from magnum.db.repository import NOUNS, Row, Scope, bound_scope, shown, visible

_COUNTS: Mapping[type, tuple[str, ...]] = MappingProxyType(
    {Cluster: ("node_count", "master_count")}
)
"""What rows may be sorted by that the database computes; it is never null."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    :ivar limit: most rows to return, at least 1.
    :ivar marker: uuid of the last row of the page before, or None for the first page.
    :ivar sort_key: a column, or a count of a cluster's nodes; the integer key decides between
        equals.
    :ivar sort_dir: ``asc`` or ``desc``.
    :ivar fields: names of the only ones that are read of the rows, ``uuid`` among them; all where
        it is empty.
    :ivar cluster_id: uuid of the cluster whose containers are wanted; None for those of all, and
        for any other rows.
    """

    limit: int
    marker: str | None = None
    sort_key: str = "id"
    sort_dir: str = "asc"
    fields: frozenset[str] = frozenset()
    cluster_id: str | None = None


def page(session: Session, model: type[Row], wanted: Page, scope: Scope) -> Sequence[Row]:
    """Return one page of the rows a scope shows.

    :raises InvalidField: ``sort_key`` is no column.
    :raises NotFound: the marker is no row the scope shows.
    """
    query = _after_marker(session, model, wanted, scope)
    return session.scalars(query, _bounds(wanted, scope)).all()


def plain(connection: Connection, model: type[Row], wanted: Page, scope: Scope) -> Sequence[Any]:
    """Return the same with plain rows, which have the page's fields alone.

    :raises InvalidField: ``sort_key`` is no column.
    :raises NotFound: the marker is no row the scope shows.
    """
    query = _after_marker(connection, model, wanted, scope)
    return connection.execute(query, _bounds(wanted, scope)).all()


def _after_marker(
    session: Session | Connection, model: type[Row], wanted: Page, scope: Scope
) -> Select[Any]:
    key = _sort_column(model, wanted.sort_key)
    query = _first(
        model,
        scope.public,
        scope.all_projects,
        wanted.sort_key,
        wanted.sort_dir,
        wanted.fields,
        wanted.cluster_id is not None,
    )
    if wanted.marker is None:
        return query
    return query.where(_after(session, model, wanted, scope, key))


def _bounds(wanted: Page, scope: Scope) -> dict[str, Any]:
    bounds = {"project_id": scope.project_id, "limit": wanted.limit}
    return bounds if wanted.cluster_id is None else {**bounds, "cluster_id": wanted.cluster_id}


@functools.cache
def _first(
    model: type[Row],
    public: bool,
    all_projects: bool,
    sort_key: str,
    sort_dir: str,
    fields: frozenset[str],
    of_cluster: bool,
) -> Select[Any]:
    """Build the statement that lists a first page; once each, as for single rows."""
    scope = bound_scope(public, all_projects)
    columns = (getattr(model, name).label(name) for name in sorted(fields))
    query = select(*columns) if fields else shown(model)
    order = _order(model, sort_key, _sort_column(model, sort_key))
    query = query.order_by(*(part.asc() if sort_dir == "asc" else part.desc() for part in order))
    query = query.where(visible(model, scope))
    if of_cluster and issubclass(model, Container):
        query = query.where(model.cluster_id == bindparam("cluster_id", type_=String()))
    return query.limit(bindparam("limit", type_=Integer()))


def _order(
    model: type[Row], name: str, key: ColumnElement[Any]
) -> Sequence[SQLColumnExpression[Any]]:
    """Return what rows are sorted by, and no more of it than an index can serve where it may."""
    if name == "id":
        return [key]
    if name not in _COUNTS.get(model, ()) and model.__mapper__.columns[name].nullable:
        # PostgreSQL takes nulls for the greatest, the others for the least: this decides.
        return [key.is_not(None), key, model.id]
    return [key, model.id]


def _sort_column(model: type[Row], name: str) -> ColumnElement[Any]:
    columns = model.__mapper__.columns
    ordered: list[str] = [
        column.key for column in columns if column.type.python_type not in (dict, list)
    ]
    choices = (*ordered, *_COUNTS.get(model, ()))
    if name not in choices:
        raise errors.InvalidField("sort_key", name, f"be one of {', '.join(choices)}")
    column: ColumnElement[Any] = getattr(model, name)
    return column


def _after(
    session: Session | Connection,
    model: type[Row],
    wanted: Page,
    scope: Scope,
    key: ColumnElement[Any],
) -> ColumnElement[bool]:
    """Build the condition of rows that follow the marker, nulls being the least."""
    marker = session.execute(
        select(model.id, key).where(visible(model, scope), model.uuid == wanted.marker)
    ).one_or_none()
    if marker is None:
        raise errors.NotFound(f"There is no {NOUNS[model]} {wanted.marker} to continue after.")
    row_id, value = marker
    ascending = wanted.sort_dir == "asc"
    further_id = model.id > row_id if ascending else model.id < row_id
    if value is None:
        valued = key.is_not(None) if ascending else false()
        return or_(valued, and_(key.is_(None), further_id))
    bound = literal(value, key.type)  # a bare True or False cannot be compared with < and >
    beyond = key > bound if ascending else or_(key < bound, key.is_(None))
    return or_(beyond, and_(key == bound, further_id))
