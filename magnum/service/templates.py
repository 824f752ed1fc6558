# SPDX-License-Identifier: Apache-2.0
"""Cluster templates (baymodels)."""

import uuid as uuidlib
from collections.abc import Mapping, Sequence
from typing import Any

from oslo_config import cfg
from oslo_db import exception as db_exception
from sqlalchemy.orm import Session

from magnum.context import RequestContext
from magnum.core import errors
from magnum.db import repository
from magnum.db.models import ClusterTemplate, utcnow
from magnum.db.session import Database
from magnum.db.specs import template_spec
from magnum.drivers import registry
from magnum.service import names
from magnum.service.page import Page, fetch
from magnum.service.preflight import Preflight

PUBLISHING = {"public": True}
"""The one change that a template may see while clusters refer to it."""


class Templates:
    """Create, find, change and delete templates; they are rows and nothing else."""

    def __init__(self, conf: cfg.ConfigOpts, database: Database, preflight: Preflight) -> None:
        self._conf = conf
        self._database = database
        self._preflight = preflight

    def create(self, context: RequestContext, values: Mapping[str, Any]) -> ClusterTemplate:
        """Write a new template.

        :raises Conflict: its uuid exists.
        :raises Invalid: a value cannot be served, or names what does not exist in the cloud.
        """
        row = ClusterTemplate(
            **{
                **values,
                "uuid": values.get("uuid") or str(uuidlib.uuid4()),
                "name": values.get("name") or names.generate("model"),
                "labels": values.get("labels") or {},
                "project_id": context.own_project,
                "user_id": context.own_user,
            }
        )
        row.cluster_distro = self._preflight.check(context, row).os_distro
        self._check_drivers(row)
        try:
            self._database.write(lambda session: session.add(row))
        except db_exception.DBDuplicateEntry as error:
            raise errors.Conflict(f"There is already a baymodel {row.uuid}.") from error
        return row

    def get(
        self, context: RequestContext, ident: str, all_projects: bool = False
    ) -> ClusterTemplate:
        """Find a template of the caller's project, or a public one, by uuid or name.

        :param all_projects: whether the caller may see the private ones of other projects too.
        """
        scope = _scope(context, all_projects)
        return self._database.read(lambda session: repository.template(session, ident, scope))

    def page(
        self, context: RequestContext, page: Page, all_projects: bool = False
    ) -> Sequence[Any]:
        """List the caller's templates and all public ones, or simply all, as clusters are."""
        return fetch(self._database, ClusterTemplate, page, _scope(context, all_projects))

    def update(
        self, context: RequestContext, template: ClusterTemplate, changes: Mapping[str, Any]
    ) -> ClusterTemplate:
        """Change a template that no cluster refers to, or publish one.

        :param template: as it was read; what it becomes is computed from that.
        :raises InUse: clusters refer to it and it would not just be published.
        :raises Conflict: somebody else has changed it since it was read.
        """
        if not changes:
            return template
        changed = ClusterTemplate(**{**_columns(template), **changes})
        if changes.keys() - PUBLISHING.keys():
            self._preflight.check(context, changed)
            self._check_drivers(changed)

        def write(session: Session) -> ClusterTemplate:
            row = repository.lock_as_seen(session, template)
            if changes != PUBLISHING:
                _refuse_if_used(session, row, "changed")
            for name in changes:
                setattr(row, name, getattr(changed, name))
            row.updated_at = utcnow()
            return row

        return self._database.write(write)

    def delete(self, context: RequestContext, template: ClusterTemplate) -> None:
        """Delete a template.

        :raises InUse: clusters refer to it.
        """

        def write(session: Session) -> None:
            row = repository.lock(session, ClusterTemplate, template.uuid)
            _refuse_if_used(session, row, "deleted")
            session.delete(row)

        try:
            self._database.write(write)
        except db_exception.DBReferenceError as error:  # a bay came at the same moment
            raise _in_use(template, "deleted") from error

    def _check_drivers(self, row: ClusterTemplate) -> None:
        """Check what the cluster's driver and the site have a say in; fill a default in."""
        enabled = self._conf.cluster.enabled_definitions
        driver = registry.enabled_driver_for(row.server_type, row.cluster_distro, row.coe, enabled)
        options = self._conf.cluster_template
        if row.network_driver is None:
            row.network_driver = options[f"{row.coe}_default_network_driver"]
        allowed = options[f"{row.coe}_allowed_network_drivers"]
        if allowed != ["all"] and row.network_driver not in allowed:
            rule = f"be one of {', '.join(allowed)}, which this site allows for coe {row.coe}"
            raise errors.InvalidField("network_driver", row.network_driver, rule)
        driver.check(template_spec(row))


def _scope(context: RequestContext, all_projects: bool) -> repository.Scope:
    return repository.Scope(context.own_project, public=True, all_projects=all_projects)


def _columns(row: ClusterTemplate) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in row.__mapper__.column_attrs}


def _refuse_if_used(session: Session, row: ClusterTemplate, verb: str) -> None:
    if repository.clusters_of_template(session, row.uuid):
        raise _in_use(row, verb)


def _in_use(row: ClusterTemplate, verb: str) -> errors.InUse:
    name = errors.first_sentence(row.name)
    return errors.InUse(
        f"Baymodel {name} cannot be {verb} because bays refer to it. Delete them first, or "
        "make another baymodel."
    )
