# SPDX-License-Identifier: Apache-2.0
"""How containers are: what their engines say now, in the words of the API."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from magnum.clients.docker.containers import CONTAINER_LABEL, Found
from magnum.clients.docker.errors import EngineMissing, EngineSilent, EngineUnreachable
from magnum.conductor.asking import Asking
from magnum.conductor.cloud import Cloud
from magnum.conductor.engines import engine_at
from magnum.conductor.located import Located
from magnum.core import errors
from magnum.core.container import Seen, Status
from magnum.db import repository
from magnum.db.models import Cluster, Container

GONE = "Its node has left the bay, and the container with it."
LOST = "Its engine has no such container: it was removed there, or its node was replaced."

_STATUSES = {
    "created": Status.STOPPED,
    "exited": Status.STOPPED,
    "running": Status.RUNNING,
    "restarting": Status.RUNNING,
    "paused": Status.PAUSED,
}


class Observing:
    """Asks engines how containers are; safe for threads."""

    def __init__(self, cloud: Cloud, asking: Asking, located: Located) -> None:
        self._cloud = cloud
        self._asking = asking
        self._located = located

    def see(self, cluster: Cluster, row: Container) -> Seen:
        """Look at one container closely.

        :raises EngineError: its engine does not say, and its node is still one of the bay's.
        """
        try:
            found = engine_at(self._cloud, cluster, row.host or "").inspect(row.docker_id or "")
        except EngineMissing:
            return Seen(Status.ERROR, LOST)
        except (EngineUnreachable, EngineSilent):
            if self._located.is_gone(cluster, row.host, row.host_id):
                return Seen(Status.ERROR, GONE)
            raise
        return _seen(found)

    def see_all(self, rows: Sequence[Any], seconds: float) -> Mapping[str, Seen]:
        """Look at many containers by one call an engine; none is left out.

        :param rows: of :func:`magnum.db.containers.placed`.
        :param seconds: for all engines together.
        """
        clusters = self._clusters({row.cluster_id for row in rows})
        places: dict[tuple[str, str], list[Any]] = defaultdict(list)
        for row in rows:
            places[row.cluster_id, row.host or ""].append(row)

        def look(place: tuple[str, str]) -> Mapping[str, Seen]:
            cluster = clusters.get(place[0])
            return {} if cluster is None else self._look(cluster, place[1], places[place])

        seen: dict[str, Seen] = {}
        for place, found in self._asking.each(places, look, seconds).items():
            if isinstance(found, errors.MagnumError):
                unknown = Seen(Status.UNKNOWN, found.message)
                seen.update((row.uuid, unknown) for row in places[place])
            else:
                seen.update(found)
        return seen

    def _look(self, cluster: Cluster, host: str, rows: Sequence[Any]) -> Mapping[str, Seen]:
        """Look at the containers of one engine."""
        try:
            listed = engine_at(self._cloud, cluster, host).containers([CONTAINER_LABEL])
        except (EngineUnreachable, EngineSilent):
            if not self._located.is_gone(cluster, host, rows[0].host_id):
                raise
            return {row.uuid: Seen(Status.ERROR, GONE) for row in rows}
        found = {each.docker_id: each for each in listed}
        return {row.uuid: _listed(row, found.get(row.docker_id or "")) for row in rows}

    def _clusters(self, uuids: set[str]) -> Mapping[str, Cluster]:
        found = self._cloud.database.read(lambda session: repository.clusters(session, uuids))
        return {cluster.uuid: cluster for cluster in found}


def _seen(found: Found) -> Seen:
    """Put what an inspection shows into the API's words."""
    if found.error:
        return Seen(Status.ERROR, f"It could not be started: {found.error}")
    if found.out_of_memory and found.exit_code:
        return Seen(Status.STOPPED, f"It has used up its memory, exit code {found.exit_code}.")
    return _brief(found)


def _listed(row: Any, found: Found | None) -> Seen:
    """Put what a list shows into the API's words.

    A list does not tell why a container could not be started, so what is known of that stays.
    """
    if found is None:
        return Seen(Status.ERROR, LOST)
    seen = _brief(found)
    if row.status == Status.ERROR and found.state == "created":
        return Seen(Status.ERROR, row.status_reason)
    return seen


def _brief(found: Found) -> Seen:
    status = _STATUSES.get(found.state)
    if status is None:
        return Seen(Status.ERROR, f"Its engine shows it as {found.state}.")
    if found.state == "exited" and found.exit_code:
        return Seen(status, f"Its command has ended with exit code {found.exit_code}.")
    return Seen(status)
