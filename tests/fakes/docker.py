# SPDX-License-Identifier: Apache-2.0
"""The engines of a bay, with state: what :mod:`magnum.clients.docker` would find there."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from magnum.clients.docker.containers import Executed, Found
from magnum.clients.docker.errors import (
    EngineConflict,
    EngineError,
    EngineFailed,
    EngineMissing,
    EngineRejects,
    EngineSilent,
    ImageMissing,
)
from magnum.clients.docker.swarm import EngineInfo, Member
from magnum.core.container import ContainerSpec, Image

GIB = 2**30
SILENT = EngineSilent("it was asked")


@dataclass
class Box:
    """A container as an engine has it."""

    id: str
    uuid: str | None
    name: str
    spec: ContainerSpec | None = None
    state: str = "created"
    exit_code: int = 0
    error: str = ""


class FakeDocker:
    """Stands in for :class:`magnum.clients.docker.pool.Engines`.

    :ivar machines: engines by address.
    :ivar members: what managers say of the swarm.
    """

    def __init__(self) -> None:
        self.ids = itertools.count(1)
        self.machines: dict[str, FakeEngine] = {}
        self.members: dict[str, Member] = {}
        self.add("10.0.0.1", "manager")
        self.add("10.0.0.2", "worker")
        self.add("10.0.0.3", "worker")

    def engine(self, address: str, _trust: object) -> Any:
        """Return the engine at an address."""
        return self.machines[address]

    def add(self, address: str, role: Any) -> None:
        """Have another node."""
        number = len(self.machines) + 1
        self.machines[address] = FakeEngine(self, address, f"id-{number}", role)
        self.change(f"id-{number}", role=role)

    def change(self, node_id: str, **values: Any) -> None:
        """Have the managers say something else of a member."""
        plain = {
            "id": node_id,
            "hostname": node_id.replace("id", "node"),
            "role": "worker",
            "availability": "active",
            "state": "ready",
            "message": "",
            "address": "192.168.0.9",
            "is_leader": False,
            "is_reachable": None,
            "memory": GIB,
            "cpus": 1.0,
            "engine_version": "20",
            "version": 1,
            "description": {},
        }
        self.members[node_id] = Member(**{**plain, **values})

    def boxes(self, uuid: str) -> list[Box]:
        """Return what all engines have of a container."""
        every = (box for machine in self.machines.values() for box in machine.boxes.values())
        return [box for box in every if box.uuid == uuid]


class FakeEngine:
    """One engine.

    :ivar fault: what every call to it fails with.
    :ivar lost: what the answers to the next creations are lost by, after they took effect.
    :ivar images: those it has.
    :ivar registry: those that can be had.
    :ivar on_pull: called while an image comes.
    """

    def __init__(self, docker: FakeDocker, address: str, node_id: str, role: str) -> None:
        self._docker = docker
        self.address = address
        self.node_id = node_id
        self.is_manager = role == "manager"
        self.boxes: dict[str, Box] = {}
        self.calls: list[str] = []
        self.fault: EngineError | None = None
        self.lost: list[EngineError] = []
        self.images = {"busybox:latest"}
        self.registry = {"busybox:latest", "app:1"}
        self.registry_is_away = False
        self.on_pull: Callable[[], object] = lambda: None

    def info(self) -> EngineInfo:
        self._asked("info")
        running = sum(box.state == "running" for box in self.boxes.values())
        return EngineInfo("n", "20", self.node_id, "active", self.is_manager, GIB, 1, running)

    def nodes(self) -> Sequence[Member]:
        self._asked("nodes")
        if not self.is_manager:
            raise EngineFailed("This node is not a swarm manager")
        return list(self._docker.members.values())

    def containers(self, _labels: Sequence[str] = ()) -> Sequence[Found]:
        self._asked("containers")
        return [_found(box, brief=True) for box in self.boxes.values()]

    def find(self, uuid: str) -> Found | None:
        self._asked("find")
        return next((_found(box) for box in self.boxes.values() if box.uuid == uuid), None)

    def inspect(self, container: str) -> Found:
        self._asked("inspect")
        return _found(self._box(container))

    def create(self, spec: ContainerSpec) -> str:
        self._asked("create")
        if spec.image.reference not in self.images:
            raise ImageMissing(f"No such image: {spec.image.reference}")
        if spec.docker_name in (box.name for box in self.boxes.values()):
            raise EngineConflict(f"The name {spec.docker_name} is already in use")
        box = Box(f"docker-{next(self._docker.ids)}", spec.uuid, spec.docker_name, spec)
        self.boxes[box.id] = box
        if self.lost:
            raise self.lost.pop(0)
        return box.id

    def pull(self, image: Image, _seconds: float) -> None:
        self._asked("pull")
        self.on_pull()
        if self.registry_is_away:
            raise EngineFailed("dial tcp: connection refused")
        if image.reference not in self.registry:
            raise ImageMissing(f"manifest for {image.reference} not found: manifest unknown")
        self.images.add(image.reference)

    def start(self, container: str) -> None:
        self._asked("start")
        box = self._box(container)
        if box.spec and box.spec.command == ("nope",):
            box.error = 'exec: "nope": executable file not found in $PATH'
            raise EngineRejects(box.error)
        box.state = "running"

    def stop(self, container: str, grace: int) -> None:
        self._asked(f"stop {grace}")
        self._box(container).state = "exited"

    def restart(self, container: str, grace: int) -> None:
        self._asked(f"restart {grace}")
        self._box(container).state = "running"

    def pause(self, container: str) -> None:
        self._asked("pause")
        self._box(container).state = "paused"

    def unpause(self, container: str) -> None:
        self._asked("unpause")
        self._box(container).state = "running"

    def remove(self, container: str, *, force: bool = False) -> None:
        self._asked("remove")
        box = self._box(container)
        if box.state == "running" and not force:
            raise EngineConflict("You cannot remove a running container")
        del self.boxes[box.id]

    def logs(self, container: str, tail: int, most: int) -> str:
        self._asked("logs")
        return f"{self._box(container).uuid} {tail} {most}"

    def execute(
        self, container: str, command: Sequence[str], _seconds: float, _most: int
    ) -> Executed:
        self._asked("execute")
        if self._box(container).state != "running":
            raise EngineConflict(f"Container {container} is not running")
        return Executed(" ".join(command), 0, False)

    def _asked(self, call: str) -> None:
        self.calls.append(call)
        if self.fault is not None:
            raise self.fault

    def _box(self, container: str) -> Box:
        for box in self.boxes.values():
            if container in (box.id, box.name):
                return box
        raise EngineMissing(f"No such container: {container}")


def _found(box: Box, brief: bool = False) -> Found:
    ended = box.state == "exited"
    error = "" if brief else box.error
    return Found(box.id, box.uuid, box.state, box.exit_code if ended else None, error)
