# SPDX-License-Identifier: Apache-2.0
"""Containers on Swarm bays: what is wanted goes to the table, what is seen comes from engines.

The table says which containers there are and where; how they are only their engines know, so a
conductor is asked with each show and list.  No call waits for an engine longer than the options
of ``[docker]`` allow.
"""

import dataclasses
import uuid as uuidlib
from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from oslo_config import cfg
from oslo_db import exception as db_exception

from magnum.context import RequestContext
from magnum.core import container, errors, states
from magnum.core.container import Place, Seen, Status
from magnum.db import containers, repository
from magnum.db.models import Cluster, Container
from magnum.db.pages import Page
from magnum.db.session import Database
from magnum.rpc.calls import ContainerCalls
from magnum.service.page import fetch

LIVE = frozenset(("status", "status_reason"))
"""Columns that a list brings up to date, unless it is sorted by one of them."""

UNSEEN = "Its engine was not asked: {}"

_COLUMNS = frozenset(Container.__table__.columns.keys())


class Containers:
    """Create, find, change, run and delete containers."""

    def __init__(self, conf: cfg.ConfigOpts, database: Database, calls: ContainerCalls) -> None:
        self._conf = conf
        self._database = database
        self._calls = calls

    def bay(self, context: RequestContext, uuid: str) -> Cluster:
        """Find the bay that a container is to be on.

        :raises ReferencedMissing: the caller's project has none of that uuid.
        """
        scope = repository.Scope(context.own_project)
        found = self._database.read(lambda session: containers.cluster(session, uuid, scope))
        if found is None:
            raise errors.ReferencedMissing(f"bay_uuid is {uuid} but there is no such bay.")
        return found

    def create(self, context: RequestContext, bay: Cluster, values: Mapping[str, Any]) -> Container:
        """Create a container, and wait a while until it is there.

        It is written, and a conductor makes it, whether its caller goes on waiting or not.

        :param bay: what :meth:`bay` returned.
        :param values: ``image``, and if given ``uuid``, ``name``, ``command``, ``memory`` and
            ``environment``.
        :returns: what is known of it by then.
        :raises Invalid: the bay is no swarm, is not complete, or has no engine with room for it.
        :raises Conflict: the bay has one of that name, or there is one of that uuid.
        :raises Told: it cannot be made; it stays in the table, for its caller to read why.
        """
        check(values)
        _check_bay(bay)
        engines = self._calls.engines(bay.uuid)
        uuid = values.get("uuid") or str(uuidlib.uuid4())

        def write(session: Any) -> Container:
            row = _new(context, bay, uuid, values)
            containers.add(
                session,
                row,
                engines,
                float(self._conf.docker.create_timeout),
                context.request_id,
                context.global_request_id,
            )
            return row

        try:
            row = self._database.write(write)
        except db_exception.DBDuplicateEntry as error:
            raise errors.Conflict(f"There is already a container {uuid}.") from error
        try:
            self._calls.create(row.uuid, _lane(row))
        except (errors.Unanswered, errors.Unavailable):
            return row  # conductors look into the table themselves
        found = self._database.read(lambda session: containers.by_uuids(session, [row.uuid]))
        return found[0] if found else row

    def get(self, context: RequestContext, ident: str, all_projects: bool = False) -> Container:
        """Find a container by uuid or name, as the table has it.

        :param all_projects: whether the caller may see those of other projects too.
        """
        scope = repository.Scope(context.own_project, all_projects=all_projects)
        return self._database.read(lambda session: repository.container(session, ident, scope))

    def look(self, row: Container) -> Container:
        """Bring a container's state up to date.

        :raises Unanswered: its engine does not say.
        :raises Told: likewise.
        """
        if row.docker_id is not None:
            seen = self._calls.see(row.uuid, _lane(row))
            self._record(_changed([row], {row.uuid: seen}))
            row.status, row.status_reason = seen.status, seen.reason
        return row

    def page(
        self, context: RequestContext, page: Page, all_projects: bool = False
    ) -> Sequence[Any]:
        """List containers of the caller's project, or of all, each as its engine says it is now.

        One whose engine does not say is ``Unknown``; that is no error.

        Sorted by their states, they are in the order of those that were recorded last.  These are
        left as they are: rows that the table moves while its pages are read would come twice, or
        never.

        :returns: plain rows, with the page's fields at least.
        """
        scope = repository.Scope(context.own_project, all_projects=all_projects)
        # Plain rows always: to load many whole ones would take longer than their engines do.
        plain = dataclasses.replace(page, fields=(page.fields or _COLUMNS) | container.PLACED)
        rows: Sequence[Any] = fetch(self._database, Container, plain, scope)
        places = container.places(rows)
        if not places:
            return rows
        seen = self._see_all(places, page.cluster_id or context.own_project)
        changed = _changed(rows, seen)
        if page.sort_key not in LIVE:
            self._record(changed)
        return [_as_seen(row, changed[row.uuid]) if row.uuid in changed else row for row in rows]

    def cluster_id(self, context: RequestContext, ident: str, all_projects: bool) -> str:
        """Return the uuid of the bay whose containers are to be listed.

        :raises NotFound: there is none for the caller.
        """
        scope = repository.Scope(context.own_project, all_projects=all_projects)
        found = self._database.look(lambda connection: repository.cluster(connection, ident, scope))
        return found.uuid

    def update(self, row: Container, changes: Mapping[str, Any]) -> Container:
        """Change what the table says of a container; what runs stays as it was made.

        :raises InvalidField: a value is none it may have.
        :raises Conflict: its bay has another one of that name, or somebody else has changed what
            would change.
        """
        if not changes:
            return row
        check({"image": row.image, **changes})
        return self._database.write(lambda session: containers.change(session, row, changes))

    def perform(self, row: Container, verb: str, command: str | None = None) -> Any:
        """Do something with a container, or in it.

        :param verb: ``start``, ``stop``, ``reboot``, ``pause``, ``unpause``, ``logs`` or ``exec``.
        :param command: what to run, for ``exec``.
        :returns: plain data, as of the verb.
        :raises Conflict: it was never made.
        :raises InvalidField: the command is none.
        :raises Unanswered: its engine does not answer.
        :raises Told: its engine refuses it.
        """
        if row.docker_id is None:
            shown = errors.first_sentence(row.name or row.uuid)
            raise errors.Conflict(
                f"Container {shown} is not made: {errors.first_sentence(row.status_reason or '')}."
            )
        if command is not None and not container.split_command(command):
            raise errors.InvalidField("command", command, "have at least one word")
        return self._calls.perform(verb, row.uuid, _lane(row), command)

    def delete(self, context: RequestContext, row: Container) -> None:
        """Delete a container; one that is still being made goes as soon as that can be ended.

        :raises Unanswered: its engine does not answer.
        :raises Told: its engine refuses it: it is running.
        """
        try:
            self._calls.perform("delete", row.uuid, _lane(row))
        except errors.Told as error:
            if error.code != errors.NotFound.code:  # it went while we were about to ask for it
                raise

    def _see_all(self, places: Sequence[Place], lane: str) -> Mapping[str, Seen]:
        try:
            seen = self._calls.see_all(places, lane)
        except errors.MagnumError as error:
            seen, reason = {}, error.message
        else:
            reason = "no conductor knows it."
        silent = Seen(Status.UNKNOWN, UNSEEN.format(reason))
        return {uuid: seen.get(uuid, silent) for place in places for uuid in place.containers}

    def _record(self, changed: Mapping[str, Seen]) -> None:
        if changed:
            self._database.write(lambda session: containers.record(session, changed))


def check(values: Mapping[str, Any]) -> None:
    """Check what Docker has rules for.

    :raises InvalidField: it would be refused by an engine.
    """
    container.parse_image(values["image"])
    container.split_command(values.get("command"))
    container.check_environment(values.get("environment") or {})
    if values.get("memory") is not None:
        container.parse_memory(values["memory"])


def _check_bay(bay: Cluster) -> None:
    shown = errors.first_sentence(bay.name)
    if bay.template.coe != "swarm":
        raise errors.Invalid(
            f"Bay {shown} is of coe {bay.template.coe} but containers need one of swarm."
        )
    if bay.status not in states.TAKES_CONTAINERS:  # looked at again when it is locked
        raise containers.not_complete(bay)


def _changed(rows: Iterable[Any], seen: Mapping[str, Seen]) -> Mapping[str, Seen]:
    """Return the states that are others than the rows have."""
    return {
        row.uuid: state
        for row in rows
        if (state := seen.get(row.uuid))
        and (row.status, row.status_reason) != (state.status, state.reason)
    }


def _as_seen(row: Any, state: Seen) -> Any:
    shown = {**row._mapping, "status": state.status, "status_reason": state.reason}
    return SimpleNamespace(**shown)


def _lane(row: Container) -> str:
    return row.host_id or row.cluster_id


def _new(context: RequestContext, bay: Cluster, uuid: str, values: Mapping[str, Any]) -> Container:
    """Make the row of a new container; each try of a transaction needs its own."""
    memory = values.get("memory")
    return Container(
        uuid=uuid,
        project_id=context.own_project,
        user_id=context.own_user,
        name=values.get("name"),
        image=values["image"],
        command=values.get("command") or None,
        memory=memory,
        memory_bytes=0 if memory is None else container.parse_memory(memory),
        environment=values.get("environment") or {},
        cluster_id=bay.uuid,
    )
