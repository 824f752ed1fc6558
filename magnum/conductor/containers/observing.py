# SPDX-License-Identifier: Apache-2.0
"""How containers are: what their engines say now, in the words of the API."""

from collections.abc import Mapping, Sequence
from typing import Any

from magnum.clients.docker.containers import CONTAINER_LABEL, Found
from magnum.clients.docker.errors import EngineMissing
from magnum.conductor.asking import Asking
from magnum.conductor.cloud import Cloud
from magnum.conductor.containers.located import NOT_FOUND_THERE, Located
from magnum.conductor.engines import engine_at, trust
from magnum.core import errors
from magnum.core.container import Place, Seen, Status
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
        except NOT_FOUND_THERE:
            if self._located.is_gone(cluster, row.host, row.host_id):
                return Seen(Status.ERROR, GONE)
            raise
        return _seen(found)

    def see_all(self, places: Sequence[Place], seconds: float) -> Mapping[str, Seen]:
        """Look at many containers by one call an engine.

        None is left out but those of a bay that has gone.

        :param seconds: for all engines together.
        """
        bays = self._bays({place.cluster_id for place in places})

        def look(number: int) -> Mapping[str, Seen]:
            bay = bays.get(places[number].cluster_id)
            return {} if bay is None else self._look(bay, places[number])

        seen: dict[str, Seen] = {}
        for number, found in self._asking.each(range(len(places)), look, seconds).items():
            if isinstance(found, errors.MagnumError):
                unknown = Seen(Status.UNKNOWN, found.message)
                seen.update(dict.fromkeys(places[number].containers, unknown))
            else:
                seen.update(found)
        return seen

    def _look(self, bay: Any, place: Place) -> Mapping[str, Seen]:
        """Look at the containers of one engine."""
        its = trust(self._cloud, bay.tls_disabled, bay.ca_cert_ref, bay.magnum_cert_ref)
        try:
            listed = self._cloud.engines.engine(place.host, its).containers([CONTAINER_LABEL])
        except NOT_FOUND_THERE:
            if not self._is_gone(place):
                raise
            return dict.fromkeys(place.containers, Seen(Status.ERROR, GONE))
        found = {each.docker_id: each for each in listed}
        return {
            uuid: _listed(found.get(docker_id), uuid, place.failures)
            for uuid, docker_id in place.containers.items()
        }

    def _bays(self, uuids: set[str]) -> Mapping[str, Any]:
        """Load no more than all lists need: whole bays take longer."""
        look = self._cloud.database.look
        found = look(lambda connection: repository.authorities(connection, uuids))
        return {bay.uuid: bay for bay in found}

    def _is_gone(self, place: Place) -> bool:
        cluster = self._cloud.database.read(
            lambda session: repository.by_uuid(session, Cluster, place.cluster_id)
        )
        return cluster is None or self._located.is_gone(cluster, place.host, place.host_id)


def _seen(found: Found) -> Seen:
    """Put what an inspection shows into the API's words."""
    if found.error:
        return Seen(Status.ERROR, f"It could not be started: {found.error}")
    if found.out_of_memory and found.exit_code:
        return Seen(Status.STOPPED, f"It has used up its memory, exit code {found.exit_code}.")
    return _brief(found)


def _listed(found: Found | None, uuid: str, failures: Mapping[str, str | None]) -> Seen:
    """Put what a list shows into the API's words.

    A list does not tell why a container could not be started, so what is known of that stays.
    """
    if found is None:
        return Seen(Status.ERROR, LOST)
    if found.state == "created" and uuid in failures:
        return Seen(Status.ERROR, failures[uuid])
    return _brief(found)


def _brief(found: Found) -> Seen:
    status = _STATUSES.get(found.state)
    if status is None:
        return Seen(Status.ERROR, f"Its engine shows it as {found.state}.")
    if found.state == "exited" and found.exit_code:
        return Seen(status, f"Its command has ended with exit code {found.exit_code}.")
    return Seen(status)
