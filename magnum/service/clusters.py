# SPDX-License-Identifier: Apache-2.0
"""Clusters (bays): accepting what is wanted of them.

A request ends when its intent is written: the cluster's row, its node groups and the operation
that a conductor will carry out, in one transaction.  The message that wakes a conductor is sent
after that and may be lost.
"""

import uuid as uuidlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from oslo_config import cfg
from sqlalchemy.orm import Session

from magnum.context import RequestContext
from magnum.core import errors, states
from magnum.core.cluster import DEFAULT_MASTER, DEFAULT_WORKER, Role
from magnum.core.states import Action, OperationState, Outcome
from magnum.db import operations, repository
from magnum.db.models import Cluster, ClusterTemplate, Event, NodeGroup, utcnow
from magnum.db.notifications import Result
from magnum.db.repository import AnyCluster, SeenCluster
from magnum.db.session import Database
from magnum.db.specs import template_spec
from magnum.drivers import registry
from magnum.rpc.client import ConductorClient
from magnum.rpc.messages import OperationReady
from magnum.rpc.notices import Notices
from magnum.service import names
from magnum.service.page import Page, fetch
from magnum.service.preflight import Findings, Preflight

Accepted = TypeVar("Accepted", Cluster, Cluster | None)

UPDATABLE_FIELDS = {"node_count"}


class Clusters:
    """Create, find, change and delete clusters."""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        database: Database,
        preflight: Preflight,
        conductor: ConductorClient,
    ) -> None:
        self._conf = conf
        self._database = database
        self._preflight = preflight
        self._conductor = conductor
        self._notices = Notices(conf)

    def create(self, context: RequestContext, values: Mapping[str, Any]) -> Cluster:
        """Accept a new cluster.

        :param values: ``cluster_template_id`` (uuid or name), ``node_count``, ``master_count``
            (both at least 1), and if given ``name``, ``create_timeout`` (minutes, 0 for the
            default), ``discovery_url``.
        :raises ReferencedMissing: the template does not exist for the caller.
        :raises Invalid: the template can no longer be served as it is, or has no room for so many
            nodes.
        :raises Conflict: the template was changed while it was checked.
        """
        template = self._template(context, values["cluster_template_id"])
        _check_driver(template, self._conf.cluster.enabled_definitions)
        _check_count(template, values.get("master_count") or 1, values.get("node_count") or 1)
        found = self._preflight.check(context, template, of_cluster=True)
        minutes = values.get("create_timeout") or self._conf.cluster_heat.create_timeout
        request = _Request(context, Action.CREATE, minutes, self._notices)

        def write(session: Session) -> Cluster:
            try:
                repository.lock_as_seen(session, template)
            except errors.NotFound as error:  # it went while the cloud was asked
                raise _no_template(values["cluster_template_id"]) from error
            cluster = _new(context, values, template, found)
            session.add(cluster)
            session.flush()
            request.add_to(session, cluster, values)
            return cluster

        return self._accept(request, write)

    def get(self, context: RequestContext, ident: str, all_projects: bool = False) -> SeenCluster:
        """Find a cluster by uuid or name.

        :param all_projects: whether the caller may see those of other projects too.
        """
        scope = _scope(context, all_projects)
        return self._database.look(lambda connection: repository.cluster(connection, ident, scope))

    def page(
        self, context: RequestContext, page: Page, all_projects: bool = False
    ) -> Sequence[Any]:
        """List the clusters of the caller's project, or of all: rows with the page's fields."""
        return fetch(self._database, Cluster, page, _scope(context, all_projects))

    def update(
        self,
        context: RequestContext,
        cluster: AnyCluster,
        changes: Mapping[str, Any],
        rollback: bool = False,
    ) -> AnyCluster:
        """Accept a new number of workers.

        :param changes: what differs from the row.  With none, a cluster whose last update or
            rollback failed is tried again and any other is left alone.
        :param rollback: whether a failure is to be followed by the way back.
        :raises Invalid: something else than the number of workers would change, or there is no room
            for so many.
        :raises WrongStatus: the cluster is being changed or was never completed.
        """
        if others := changes.keys() - UPDATABLE_FIELDS:
            raise errors.Invalid(
                f"Only node_count of a bay can change, not {', '.join(sorted(others))}."
            )
        if not changes and cluster.status not in states.UPDATE_TO_REPEAT:
            return cluster
        minutes = self._conf.cluster_heat.update_timeout
        request = _Request(context, Action.UPDATE, minutes, self._notices)

        def write(session: Session) -> Cluster:
            row = repository.lock(session, Cluster, cluster.uuid)
            if row.status not in states.UPDATABLE:
                shown = errors.first_sentence(row.name)
                raise errors.WrongStatus(
                    f"Bay {shown} is {row.status} and can be updated only when complete."
                )
            (workers,) = (group for group in row.node_groups if group.name == DEFAULT_WORKER)
            wanted = {"node_count": workers.node_count, **changes}
            if wanted["node_count"] > workers.node_count:
                template = repository.template_of(session, row)
                _check_count(template, row.master_count, wanted["node_count"])
            change = {"before": _last_good(session, row), "wanted": wanted, "rollback": rollback}
            row.status = states.status(Action.UPDATE, Outcome.IN_PROGRESS)
            row.status_reason = row.faults = None
            row.updated_at = utcnow()
            workers.node_count = wanted["node_count"]
            request.add_to(session, row, change)
            return row

        return self._accept(request, write)

    def delete(self, context: RequestContext, cluster: AnyCluster) -> None:
        """Accept the end of a cluster, in whatever status it is.

        What else was being done to it is superseded.  Asking again while it is being deleted is
        fine and starts nothing.
        """
        minutes = self._conf.cluster_heat.delete_timeout
        request = _Request(context, Action.DELETE, minutes, self._notices)

        def write(session: Session) -> Cluster | None:
            row = repository.lock(session, Cluster, cluster.uuid)
            if operations.open_operation(session, row.uuid, Action.DELETE):
                return None
            superseded = operations.supersede(session, row.uuid)
            row.status = states.status(Action.DELETE, Outcome.IN_PROGRESS)
            row.status_reason = row.faults = None
            row.updated_at = utcnow()
            for ended in superseded:
                self._notices.tell(session, ended, Result.FAILURE, OperationState.SUPERSEDED)
            request.add_to(session, row, {})
            return row

        try:
            self._accept(request, write)
        except errors.NotFound:
            return  # it went while we were about to ask for it

    def events(self, context: RequestContext, cluster: AnyCluster) -> Sequence[Event]:
        """Return what has happened to a cluster, oldest first."""
        return self._database.read(lambda session: repository.events(session, cluster.uuid))

    def _template(self, context: RequestContext, ident: str) -> ClusterTemplate:
        scope = repository.Scope(context.own_project, public=True)
        try:
            return self._database.read(lambda session: repository.template(session, ident, scope))
        except errors.NotFound as error:
            raise _no_template(ident) from error

    def _accept(self, request: "_Request", write: Callable[[Session], Accepted]) -> Accepted:
        result = self._database.write(write)
        if result is not None:
            self._conductor.wake(OperationReady(request.uuid))
        return result


class _Request:
    """An operation about to be written, by whom and for how long."""

    def __init__(
        self, context: RequestContext, action: Action, minutes: int, notices: Notices
    ) -> None:
        self.uuid = str(uuidlib.uuid4())
        self._context = context
        self._action = action
        self._minutes = minutes
        self._notices = notices

    def add_to(self, session: Session, cluster: Cluster, change: Mapping[str, Any]) -> None:
        """Write it, and that it was asked for."""
        operation = operations.add(
            session,
            cluster,
            self._action,
            change,
            user_id=self._context.own_user,
            request_id=self._context.request_id,
            timeout_seconds=60.0 * self._minutes,
            uuid=self.uuid,
            global_request_id=self._context.global_request_id,
        )
        session.add(
            Event(
                cluster_id=cluster.uuid,
                operation_id=self.uuid,
                severity="INFO",
                resource="request",
                text=f"{self._action.capitalize()} asked for, within {self._minutes} minutes",
            )
        )
        self._notices.tell(session, operation, Result.PENDING)


def _last_good(session: Session, cluster: Cluster) -> dict[str, Any]:
    """Return what a cluster has, or had before it was not changed to what its row wants."""
    counted = {"node_count": cluster.node_count}
    if cluster.status not in states.UPDATE_TO_REPEAT:
        return counted
    return {**counted, **operations.last_change(session, cluster.uuid).get("before", {})}


def _scope(context: RequestContext, all_projects: bool) -> repository.Scope:
    return repository.Scope(context.own_project, all_projects=all_projects)


def _check_driver(template: ClusterTemplate, enabled: Collection[str]) -> None:
    """Check that a driver can make clusters from a template.

    :param enabled: names of drivers that the site offers.
    :raises Invalid: it cannot, or the template lacks what it needs.
    """
    kind = (template.server_type, template.cluster_distro, template.coe)
    driver = registry.enabled_driver_for(*kind, enabled)
    driver.check(template_spec(template))
    for field in driver.needs:
        if not getattr(template, field):
            raise errors.Invalid(
                f"{field} is not set in baymodel {errors.first_sentence(template.name)} but "
                f"{template.coe} bays need it."
            )


def _check_count(template: ClusterTemplate, masters: int, workers: int) -> None:
    """Check that a cluster can have so many nodes.

    :raises InvalidField: it cannot.
    """
    driver = registry.driver_for(template.server_type, template.cluster_distro, template.coe)
    driver.check_count(template_spec(template), masters, workers)


def _no_template(ident: str) -> errors.ReferencedMissing:
    return errors.ReferencedMissing(
        f"baymodel_id is {errors.first_sentence(ident)} but there is no such baymodel."
    )


def _new(
    context: RequestContext,
    values: Mapping[str, Any],
    template: ClusterTemplate,
    found: Findings,
) -> Cluster:
    """Make the rows of a new cluster; each try of a transaction needs its own."""
    cluster = Cluster(
        uuid=str(uuidlib.uuid4()),
        project_id=context.own_project,
        user_id=context.own_user,
        name=values.get("name") or names.generate("bay"),
        cluster_template_id=template.uuid,
        keypair=template.keypair_id,
        ssh_public_key=found.ssh_public_key,
        create_timeout=values.get("create_timeout") or 0,
        discovery_url=values.get("discovery_url"),
        status=states.status(Action.CREATE, Outcome.IN_PROGRESS),
    )
    cluster.node_groups = [
        _node_group(cluster, DEFAULT_MASTER, "master", values.get("master_count") or 1),
        _node_group(cluster, DEFAULT_WORKER, "worker", values.get("node_count") or 1),
    ]
    return cluster


def _node_group(cluster: Cluster, name: str, role: Role, count: int) -> NodeGroup:
    return NodeGroup(
        uuid=str(uuidlib.uuid4()),
        project_id=cluster.project_id,
        name=name,
        role=role,
        is_default=True,
        node_count=count,
    )
