# SPDX-License-Identifier: Apache-2.0
"""The engines of every bay, and the conductor that asks them, behind a message bus of their own.

Containers have the states that Docker gives them, in Docker's words.  What a test does to the room
directly is what a user of ``docker`` does, or a fault.
"""

import json
import uuid as uuidlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from magnum.core import errors
from magnum.core.container import Grouped, Place, Seen, Status, group
from magnum.core.placement import Engine
from magnum.db import containers, creations
from magnum.db.models import Container
from magnum.db.session import Database
from magnum.db.specs import container_spec
from magnum.rpc.messages import Answer, ContainerCall, EnginesCall, StatusesCall

MIB = 2**20
IMAGES = {"busybox:latest", "cirros:latest", "registry.test:5000/team/app:1.2"}
OWNER = "engine-room"

_STATES = {
    "created": Status.STOPPED,
    "exited": Status.STOPPED,
    "running": Status.RUNNING,
    "paused": Status.PAUSED,
    "dead": Status.ERROR,
}


@dataclass
class Box:
    """A container as its engine has it."""

    state: str = "created"
    written: list[str] = field(default_factory=list)


class EngineRoom:
    """Three engines for every bay: two workers and a manager.

    :ivar boxes: by the uuid of the container.
    :ivar nodes: ids of the nodes that they were made on, likewise.
    :ivar silent: ids of nodes whose engines do not answer.
    :ivar gone: ids of nodes that are in no swarm any more.
    :ivar images: references of those that can be had; None where all can.
    :ivar slow: whether images take longer than anybody waits.
    :ivar failure: what a creation fails with, if it is to.
    :ivar calls: methods in the order in which they were called.
    :ivar before: is told of each call before that is answered.
    """

    def __init__(self, database: Database) -> None:
        self.engines = [
            Engine("node-1", "10.0.0.1", 512 * MIB, is_manager=True),
            Engine("node-2", "10.0.0.2", 256 * MIB),
            Engine("node-3", "10.0.0.3", 256 * MIB),
        ]
        self.boxes: dict[str, Box] = {}
        self.nodes: dict[str, str] = {}
        self.silent: set[str] = set()
        self.gone: set[str] = set()
        self.images: set[str] | None = IMAGES
        self.slow = False
        self.failure: errors.MagnumError | None = None
        self.calls: list[str] = []
        self.before: Callable[[str], None] = lambda _method: None
        self._database = database

    def prepare(self, **_options: Any) -> "EngineRoom":
        """Be a client of oslo.messaging."""
        return self

    def call(self, _context: Any, method: str, message: dict[str, Any]) -> dict[str, Any]:
        """Answer a call as a conductor does, over a wire that carries JSON alone."""
        self.calls.append(method)
        self.before(method)
        verb = method.removeprefix("container_")
        wire = json.loads(json.dumps(message))
        try:
            answer = Answer(self._answer(verb, wire))
        except errors.MagnumError as error:
            answer = Answer.failed(error)
        carried: dict[str, Any] = json.loads(json.dumps(answer.to_wire()))
        return carried

    def put(self, uuid: str, node_id: str, state: str = "created") -> None:
        """Have a container on an engine."""
        self.boxes[uuid], self.nodes[uuid] = Box(state), node_id

    def pull(self) -> None:
        """Have the images that were waited for arrive."""
        self.slow = False
        for held in self._database.write(lambda s: creations.claim(s, OWNER, 20.0, 99)):
            self._make(held)

    def recover(self) -> None:
        """Have all engines answer, and none of them be anything but well."""
        self.silent, self.gone, self.slow, self.failure = set(), set(), False, None

    def _answer(self, verb: str, wire: dict[str, Any]) -> Any:
        if verb == "engines":
            EnginesCall.from_wire(wire)
            self._ask(*(engine.node_id for engine in self.engines))
            return [asdict(engine) for engine in self._present()]
        if verb == "list":
            places = [Place(**each) for each in StatusesCall.from_wire(wire).places]
            return self._list([uuid for place in places for uuid in place.containers])
        call = ContainerCall.from_wire(wire)
        uuid = call.container_id
        if verb == "create":
            return self._create(self._row(uuid))
        if verb == "delete":
            return self._delete(self._row(uuid))
        if verb == "show":
            return asdict(self._seen(uuid))
        return self._do(verb, uuid, call.command)

    def _present(self) -> list[Engine]:
        return [engine for engine in self.engines if engine.node_id not in self.gone]

    def _ask(self, *node_ids: str) -> None:
        if self.silent & set(node_ids):
            raise errors.Unanswered("The engine at 10.0.0.1 does not answer: timed out.")

    def _row(self, uuid: str) -> Container:
        found = self._database.read(lambda session: containers.by_uuids(session, [uuid]))
        if not found:
            raise errors.NotFound(f"There is no container {uuid}.")
        return found[0]

    def _create(self, row: Container) -> None:
        if self.slow:
            return
        claimed = self._database.write(lambda s: creations.claim(s, OWNER, 20.0, 1, row.uuid))
        for held in claimed:
            self._make(held)

    def _make(self, held: creations.Creation) -> None:
        row = self._row(held.container_id)
        reference = container_spec(row).image.reference
        failure = self.failure
        if self.images is not None and reference not in self.images:
            failure = errors.NotFound(f"manifest for {reference} not found: manifest unknown.")
        if failure is not None:
            self._database.write(lambda s: creations.failed(s, held, failure.message))
            raise failure
        self.put(row.uuid, row.host_id or "")
        self._database.write(lambda s: creations.made(s, held, uuidlib.uuid4().hex))

    def _delete(self, row: Container) -> None:
        if self._database.write(lambda session: creations.cancel(session, row.uuid)):
            for held in self._database.write(
                lambda s: creations.claim(s, OWNER, 20.0, 1, row.uuid)
            ):
                self._database.write(lambda s, held=held: creations.gone(s, held))
            return
        node = self.nodes.get(row.uuid, "")
        if node not in self.gone:
            self._ask(node)
            if row.uuid in self.boxes and self.boxes[row.uuid].state in ("running", "paused"):
                raise errors.Conflict("You cannot remove a running container, stop it first.")
        self.boxes.pop(row.uuid, None)
        self._database.write(lambda session: containers.remove(session, row.uuid))

    def _list(self, uuids: list[str]) -> Grouped:
        found = {}
        for uuid in uuids:
            if self.nodes.get(uuid) in self.silent:
                found[uuid] = Seen(Status.UNKNOWN, "Its engine does not answer.")
            else:
                found[uuid] = self._seen(uuid)
        return group(found)

    def _seen(self, uuid: str) -> Seen:
        node = self.nodes.get(uuid, "")
        if node in self.gone:
            return Seen(Status.ERROR, "Its node is no part of the bay any more.")
        self._ask(node)
        box = self.boxes.get(uuid)
        if box is None:
            return Seen(Status.ERROR, "Its engine has no such container.")
        return Seen(_STATES[box.state])

    def _do(self, verb: str, uuid: str, command: str | None) -> Any:
        self._ask(self.nodes.get(uuid, ""))
        box = self.boxes.get(uuid)
        if box is None:
            raise errors.NotFound(f"No such container: {uuid}.")
        if verb == "logs":
            return {"output": "".join(box.written)}
        if verb == "exec":
            if box.state != "running":
                raise errors.Conflict(f"Container {uuid} is not running.")
            return {"output": f"{command}\n", "exit_code": 0}
        wanted, becomes, complaint = {
            "start": (("created", "exited", "running"), "running", "cannot start a paused one"),
            "stop": (tuple(_STATES), "exited", ""),
            "reboot": (tuple(_STATES), "running", ""),
            "pause": (("running",), "paused", "is not running"),
            "unpause": (("paused",), "running", "is not paused"),
        }[verb]
        if box.state not in wanted:
            raise errors.Conflict(f"Container {uuid}: {complaint}.")
        if verb == "reboot" or (verb == "start" and box.state != "running"):
            box.written.append("begun\n")
        box.state = becomes
        seen = {uuid: Seen(_STATES[becomes])}
        self._database.write(lambda session: containers.record(session, seen))
        return None
