# SPDX-License-Identifier: Apache-2.0
"""What the API asks a conductor about containers, each verb as the bus calls it.

What comes back is plain data; errors of ours go back as such, see :mod:`magnum.rpc.messages`.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from magnum.clients.docker.allowance import allowing, current
from magnum.clients.docker.engine import Engine
from magnum.clients.docker.errors import EngineMissing, EngineRejects
from magnum.conductor.asking import Asking
from magnum.conductor.cloud import Cloud
from magnum.conductor.containers.creations import Creations
from magnum.conductor.containers.located import NOT_FOUND_THERE, Located
from magnum.conductor.containers.making import Maker
from magnum.conductor.containers.observing import GONE, Observing
from magnum.conductor.engines import engine_at
from magnum.core import container, errors
from magnum.core.container import Place, Seen, Status
from magnum.db import containers, repository
from magnum.db.models import Cluster, Container
from magnum.rpc.messages import ContainerCall, EnginesCall, StatusesCall

ASKING_THREADS = 16

LEAST_SECONDS = 0.5
MARGIN_SECONDS = 0.5
"""What is left to the way back of an answer."""

STOP_MARGIN_SECONDS = 2.0
"""What docker may need beyond the time a container has to end by itself."""


class Containers:
    """Answers calls about containers; every method may raise any error of ours.

    How long each may take is told by the allowance it is called under.
    """

    def __init__(self, cloud: Cloud, owner: str) -> None:
        self._cloud = cloud
        # Each with threads of its own: a look at engines may want a survey before it ends.
        self._located = Located(cloud, Asking(ASKING_THREADS))
        self._observing = Observing(cloud, Asking(ASKING_THREADS), self._located)
        self.creations = Creations(cloud, Maker(cloud, self._located), owner)

    @property
    def verbs(self) -> Mapping[str, Callable[[Any], Any]]:
        """The methods that the bus calls, by name; each ends within what its message allows."""
        own = ("engines", "list", "create", "show", "logs", "exec", "delete")
        found: dict[str, Callable[[Any], Any]] = {name: getattr(self, name) for name in own}
        for name, (act, status) in _ACTS.items():
            found[name] = self._acting(act, status)
        return {f"container_{name}": _timed(verb) for name, verb in found.items()}

    def engines(self, call: EnginesCall) -> list[dict[str, Any]]:
        """Return the engines of a bay that take containers."""
        cluster = self._cluster(call.cluster_id)
        return [dataclasses.asdict(engine) for engine in self._located.survey(cluster).engines]

    def list(self, call: StatusesCall) -> container.Grouped:
        """Return how containers are."""
        places = [Place(**each) for each in call.places]
        return container.group(self._observing.see_all(places, current().seconds))

    def create(self, call: ContainerCall) -> None:
        """Have a container made, and wait as long as the caller does."""
        self.creations.make(call.container_id, current().seconds)

    def show(self, call: ContainerCall) -> dict[str, Any]:
        """Return how a container is."""
        row, cluster = self._rows(call)
        return dataclasses.asdict(self._observing.see(cluster, row))

    def logs(self, call: ContainerCall) -> dict[str, Any]:
        """Return the end of what a container has printed."""
        options = self._cloud.conf.docker
        engine, docker_id = self._place(*self._rows(call))
        return {"output": engine.logs(docker_id, options.logs_tail, options.output_size)}

    def exec(self, call: ContainerCall) -> dict[str, Any]:
        """Run a command in a container."""
        words = container.split_command(call.command)
        if not words:
            raise errors.InvalidField("command", call.command, "have at least one word")
        engine, docker_id = self._place(*self._rows(call))
        size = self._cloud.conf.docker.output_size
        done = engine.execute(docker_id, words, max(LEAST_SECONDS, current().seconds - 1), size)
        return {"output": done.output, "exit_code": done.exit_code}

    def delete(self, call: ContainerCall) -> None:
        """Remove a container where it is, and then its row."""
        if self.creations.cancel(call.container_id):
            self.creations.make(call.container_id, current().seconds)
            return
        row, cluster = self._rows(call)
        try:
            self._remove(row, cluster)
        except EngineMissing:
            pass  # somebody removed it there
        except NOT_FOUND_THERE:
            if not self._located.is_gone(cluster, row.host, row.host_id):
                raise
        self._cloud.database.write(lambda session: containers.remove(session, row.uuid))

    def _remove(self, row: Container, cluster: Cluster) -> None:
        if row.host is None:
            return
        engine = engine_at(self._cloud, cluster, row.host)
        if row.docker_id is not None:
            engine.remove(row.docker_id)
        elif found := engine.find(row.uuid):  # made after its maker had given up
            engine.remove(found.docker_id, force=True)

    def _acting(
        self, act: Callable[[Engine, str, int], None], status: Status
    ) -> Callable[[ContainerCall], None]:
        """Make the verb that does something to a container and leaves it in a state."""

        def verb(call: ContainerCall) -> None:
            row, cluster = self._rows(call)
            engine, docker_id = self._place(row, cluster)
            grace = min(
                self._cloud.conf.docker.stop_grace,
                max(0, int(current().seconds - STOP_MARGIN_SECONDS)),
            )
            try:
                act(engine, docker_id, grace)
            except EngineRejects as error:  # its command cannot be started
                self._record(row, Seen(Status.ERROR, f"It could not be started: {error.words}."))
                raise
            except NOT_FOUND_THERE:
                if self._located.is_gone(cluster, row.host, row.host_id):
                    self._record(row, Seen(Status.ERROR, GONE))
                    raise errors.Conflict(GONE) from None
                raise
            self._record(row, Seen(status))

        return verb

    def _record(self, row: Container, seen: Seen) -> None:
        if (row.status, row.status_reason) != (seen.status, seen.reason):
            self._cloud.database.write(lambda session: containers.record(session, {row.uuid: seen}))

    def _rows(self, call: ContainerCall) -> tuple[Container, Cluster]:
        row = self._cloud.database.read(
            lambda session: repository.by_uuid(session, Container, call.container_id)
        )
        if row is None:
            raise errors.NotFound(f"There is no container {call.container_id}.")
        return row, self._cluster(row.cluster_id)

    def _cluster(self, uuid: str) -> Cluster:
        cluster = self._cloud.database.read(
            lambda session: repository.by_uuid(session, Cluster, uuid)
        )
        if cluster is None:
            raise errors.NotFound(f"There is no bay {uuid}.")
        return cluster

    def _place(self, row: Container, cluster: Cluster) -> tuple[Engine, str]:
        """Return the engine of a container and docker's id of it.

        :raises Conflict: it was never made.
        """
        if row.docker_id is None or row.host is None:
            raise errors.Conflict("The container is not made.")
        return engine_at(self._cloud, cluster, row.host), row.docker_id


def _timed(verb: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def within(call: Any) -> Any:
        with allowing(max(LEAST_SECONDS, call.seconds - MARGIN_SECONDS)):
            return verb(call)

    return within


_ACTS: Mapping[str, tuple[Callable[[Engine, str, int], None], Status]] = {
    "start": (lambda engine, docker_id, _: engine.start(docker_id), Status.RUNNING),
    "stop": (lambda engine, docker_id, grace: engine.stop(docker_id, grace), Status.STOPPED),
    "reboot": (lambda engine, docker_id, grace: engine.restart(docker_id, grace), Status.RUNNING),
    "pause": (lambda engine, docker_id, _: engine.pause(docker_id), Status.PAUSED),
    "unpause": (lambda engine, docker_id, _: engine.unpause(docker_id), Status.RUNNING),
}
