# SPDX-License-Identifier: Apache-2.0
"""The verbs of one engine about its containers.

Containers of this service carry two labels, so that they are found again whoever made them, and
whatever docker was told about them meanwhile.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from magnum.clients.docker import output
from magnum.clients.docker.connection import OCTETS, Connection
from magnum.clients.docker.errors import (
    CommandRunsOn,
    EngineFailed,
    EngineMissing,
    EngineSilent,
    ImageMissing,
)
from magnum.clients.errors import scrub
from magnum.core.container import ContainerSpec, Image

CONTAINER_LABEL = "magnum.container"
"""Its value is the container's uuid."""

BAY_LABEL = "magnum.bay"
"""Its value is the bay's uuid."""

_EXITED = re.compile(r"Exited \((\d+)\)")
_NOT_THERE = re.compile(r"not found|manifest unknown|does not exist|access denied", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """A container as an engine shows it.

    :ivar uuid: the container's uuid by its label; None for one that is not this service's.
    :ivar state: docker's word: created, running, paused, restarting, exited, removing or dead.
    :ivar exit_code: of its command; None while it runs, or when a list does not tell.
    :ivar error: why docker could not start it; a list does not tell.
    """

    docker_id: str
    uuid: str | None
    state: str
    exit_code: int | None = None
    error: str = ""
    out_of_memory: bool = False


@dataclass(frozen=True, slots=True)
class Executed:
    """What came of a command.

    :ivar exit_code: None when it still ran as enough of its output was read.
    :ivar is_cut: whether it printed more than this.
    """

    output: str
    exit_code: int | None
    is_cut: bool


class ContainerVerbs(Connection):
    """What may be asked about containers; every verb raises :class:`EngineError` alone."""

    def containers(self, labels: Sequence[str] = ()) -> Sequence[Found]:
        """List containers, whatever their state, by one call.

        :param labels: names, or ``name=value``, that all have to have.
        """
        filters = {"label": list(labels)} if labels else None
        with self.calling() as client:
            found = client.containers(all=True, filters=filters)
            return [_listed(each) for each in found]

    def inspect(self, container: str) -> Found:
        """Look at one container.

        :param container: docker's id or name of it.
        :raises EngineMissing: there is none.
        """
        with self.calling() as client:
            return _inspected(client.inspect_container(container))

    def find(self, uuid: str) -> Found | None:
        """Find the container of that uuid by its label, whatever docker calls it."""
        found = self.containers([f"{CONTAINER_LABEL}={uuid}"])
        return found[0] if found else None

    def create(self, spec: ContainerSpec) -> str:
        """Make a container, without starting it, and return docker's id.

        It is called what it is wanted to be called, or else by its uuid: so that, whoever asks for
        it how often, there is never more than one of it.

        :raises ImageMissing: the engine has not its image; see :meth:`pull`.
        :raises EngineConflict: the name is taken.
        """
        with self.calling() as client:
            made = client.create_container(
                spec.image.reference,
                command=list(spec.command) or None,
                hostname=spec.uuid,
                name=spec.docker_name,
                environment=dict(spec.environment),
                labels={CONTAINER_LABEL: spec.uuid, BAY_LABEL: spec.cluster_id},
                host_config=client.create_host_config(mem_limit=spec.memory_bytes or None),
            )
            return str(made["Id"])

    def pull(self, image: Image, seconds: float) -> None:
        """Have the engine get an image, or its newest version.

        Others may ask the engine for something meanwhile, however many pull.

        :param seconds: it may take.
        :raises ImageMissing: with the registry's words.
        :raises EngineFailed: the registry cannot be reached, with docker's words.
        """
        try:
            self.ping()
            with self.calling_aside(seconds, _PULL_OCTETS, _PULL_SILENCE_SECONDS) as client:
                for told in client.pull(image.repository, image.version, stream=True, decode=True):
                    _heed(told)
        except ImageMissing:
            raise
        except EngineMissing as error:  # docker has more words for it than the SDK knows
            raise ImageMissing(error.words) from error

    def start(self, container: str) -> None:
        """Start it; fine when it runs."""
        with self.calling() as client:
            client.start(container)

    def stop(self, container: str, grace: int) -> None:
        """Stop it; fine when it does not run.

        :param grace: seconds it has to end by itself.
        """
        self.ping()
        with self.calling(grace + self.patience) as client:
            client.stop(container, timeout=grace)

    def restart(self, container: str, grace: int) -> None:
        """Stop it and start it again; ``grace`` as of :meth:`stop`."""
        self.ping()
        with self.calling(grace + self.patience) as client:
            client.restart(container, timeout=grace)

    def pause(self, container: str) -> None:
        """Freeze it.

        :raises EngineConflict: it does not run.
        """
        with self.calling() as client:
            client.pause(container)

    def unpause(self, container: str) -> None:
        """Let it go on.

        :raises EngineConflict: it is not frozen.
        """
        with self.calling() as client:
            client.unpause(container)

    def remove(self, container: str, *, force: bool = False) -> None:
        """Remove it.

        :param force: also when it runs.
        :raises EngineConflict: it runs.
        :raises EngineMissing: there is none.
        """
        with self.calling() as client:
            client.remove_container(container, force=force)

    def logs(self, container: str, tail: int, most: int) -> str:
        """Return the end of what it has printed so far.

        :param tail: lines of it.
        :param most: octets of it.
        """
        with self.calling(octets=_LOGS_OCTETS) as client, client.raw_logs(container, tail) as got:
            return output.newest(output.frames(got.raw), most)

    def execute(
        self, container: str, command: Sequence[str], seconds: float, most: int
    ) -> Executed:
        """Run a command in it and wait for its end.

        :param command: its words.
        :param seconds: it may take.
        :param most: octets of its output to return.
        :raises EngineConflict: the container does not run.
        :raises CommandRunsOn: the command has not ended in that time.
        """
        with self.calling() as client:
            prepared = str(client.exec_create(container, list(command))["Id"])
        try:
            with self.calling(seconds, 2 * OCTETS) as client, client.raw_execution(prepared) as got:
                printed, is_cut = output.oldest(output.frames(got.raw), most, OCTETS)
        except EngineSilent as error:
            raise CommandRunsOn(f"it had {seconds:g} seconds and goes on") from error
        with self.calling() as client:
            seen = client.exec_inspect(prepared)
            code = None if seen["Running"] else seen["ExitCode"]
        return Executed(printed, code, is_cut)


_LOGS_OCTETS = 8 * OCTETS
_PULL_SILENCE_SECONDS = 60.0
_PULL_OCTETS = 8 * OCTETS


def _heed(progress: Mapping[str, Any]) -> None:
    """Raise what docker tells as part of its progress."""
    if words := scrub(str(progress.get("error") or "")):
        raise ImageMissing(words) if _NOT_THERE.search(words) else EngineFailed(words)


def _listed(found: Mapping[str, Any]) -> Found:
    state = str(found["State"])
    code = _EXITED.match(str(found.get("Status"))) if state == "exited" else None
    return Found(
        docker_id=str(found["Id"]),
        uuid=(found.get("Labels") or {}).get(CONTAINER_LABEL),
        state=state,
        exit_code=int(code[1]) if code else None,
    )


def _inspected(found: Mapping[str, Any]) -> Found:
    state = found["State"]
    ended = state["Status"] in ("exited", "dead", "created")
    return Found(
        docker_id=str(found["Id"]),
        uuid=(found["Config"].get("Labels") or {}).get(CONTAINER_LABEL),
        state=str(state["Status"]),
        exit_code=int(state["ExitCode"]) if ended else None,
        error=scrub(str(state.get("Error") or "")),
        out_of_memory=bool(state.get("OOMKilled")),
    )
