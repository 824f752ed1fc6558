# SPDX-License-Identifier: Apache-2.0
"""Bays over HTTP, as one caller; and a way to follow one to its end."""

import time
import uuid
from collections.abc import Callable
from typing import Any

from deployment.sessions import Reply, Session

SERVICE = "container-infra"
PATIENCE = 240  # seconds until a bay settles, on two busy cores
SWARM = {
    "coe": "swarm",
    "image_id": "fedora-21-atomic-5",
    "keypair_id": "testkey",
    "external_network_id": "public",
    "flavor_id": "m1.small",
}


class NotSettled(AssertionError):
    """A bay ended otherwise than expected, or not at all; the text holds its events."""


class Bays:
    """The bays of one caller's project."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def send(self, method: str, path: str, body: Any = None) -> Reply:
        return self.session.send(method, SERVICE, path, body)

    def create_model(self, **fields: Any) -> str:
        """Make a baymodel and return its uuid."""
        body = {"name": f"model-{uuid.uuid4().hex[:8]}", **SWARM, **fields}
        return str(self.session.call("POST", SERVICE, "/baymodels", body)["uuid"])

    def create(self, model: str, **fields: Any) -> str:
        """Ask for a bay and return its uuid."""
        body = {"name": f"bay-{uuid.uuid4().hex[:8]}", "baymodel_id": model, "node_count": 1}
        return str(self.session.call("POST", SERVICE, "/bays", {**body, **fields})["uuid"])

    def show(self, bay: str) -> Reply:
        return self.send("GET", f"/bays/{bay}")

    def events(self, bay: str) -> list[dict[str, Any]]:
        """Return what was noted of a bay."""
        found: list[dict[str, Any]] = self.session.get(SERVICE, f"/bays/{bay}/events")["events"]
        return found

    def delete(self, bay: str) -> None:
        """Ask for the end of a bay."""
        self.session.call("DELETE", SERVICE, f"/bays/{bay}")

    def resize(self, bay: str, node_count: int, *, rollback: bool = False) -> None:
        """Ask for another number of nodes."""
        patch = [{"op": "replace", "path": "/node_count", "value": node_count}]
        path, headers = f"/bays/{bay}", {}
        if rollback:
            path, headers = (
                f"{path}/?rollback=True",
                {"OpenStack-API-Version": "container-infra 1.3"},
            )
        self.session.call("PATCH", SERVICE, path, patch, **headers)

    def wait_for(self, bay: str, wanted: str, patience: float = PATIENCE) -> dict[str, Any]:
        """Wait until a bay has a status, and return it.

        :raises NotSettled: it failed, or time is over.
        """
        return self._follow(bay, lambda reply: reply.body["status"] == wanted, wanted, patience)

    def wait_until_gone(self, bay: str, patience: float = PATIENCE) -> None:
        """Wait until a bay that was deleted is no more; raises as :meth:`wait_for`."""
        self._follow(bay, lambda reply: reply.status == 404, "gone", patience)

    def wait_for_event(self, bay: str, words: str, patience: float = 60) -> None:
        """Wait until one of a bay's events has these words.

        :raises NotSettled: time is over.
        """
        deadline = time.monotonic() + patience
        while not any(words in event["text"] for event in self.events(bay)):
            if time.monotonic() > deadline:
                raise NotSettled(self._obituary(bay, f"telling: {words}", self.show(bay)))
            time.sleep(0.2)

    def stacks(self, name: str) -> list[dict[str, Any]]:
        """Return the stacks in Heat of a bay of that name."""
        found = self.session.get("orchestration", "/stacks")["stacks"]
        return [stack for stack in found if stack["stack_name"].startswith(f"{name}-")]

    def clear(self) -> None:
        """Delete all bays there are, and wait until they are gone."""
        found = self.session.get(SERVICE, "/bays")["bays"]
        for bay in found:
            self.delete(bay["uuid"])
        for bay in found:
            self.wait_until_gone(bay["uuid"], patience=120)

    def delete_stack(self, name: str) -> None:
        """Delete a bay's stack behind the service's back, as its owner may."""
        (stack,) = self.stacks(name)
        path = f"/stacks/{stack['stack_name']}/{stack['id']}"
        # Two deletions at a time are too much for Heat now and then.
        replies = (self.session.send("DELETE", "orchestration", path) for _ in range(5))
        assert any(reply.status < 300 or reply.status == 404 for reply in replies)

    def _follow(
        self, bay: str, done: Callable[[Reply], bool], wanted: str, patience: float
    ) -> dict[str, Any]:
        deadline = time.monotonic() + patience
        while True:
            reply = self.show(bay)
            if reply.status == 404 and wanted != "gone":
                raise NotSettled(f"bay {bay} is gone, not {wanted}")
            if done(reply):
                return dict(reply.body)
            status = reply.body["status"] if reply.status == 200 else str(reply)
            if status.endswith("_FAILED") or time.monotonic() > deadline:
                raise NotSettled(self._obituary(bay, wanted, reply))
            time.sleep(0.5)

    def _obituary(self, bay: str, wanted: str, reply: Reply) -> str:
        events = "\n".join(f"  {event}" for event in self.events(bay))
        return f"bay {bay} is not {wanted} but {reply.body}; its events:\n{events}"
