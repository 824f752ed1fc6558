# SPDX-License-Identifier: Apache-2.0
"""Heat in the process: stacks that a test moves on with :meth:`FakeHeat.settle`."""

import uuid
from typing import Any

from tests.fakes.http import Answer, Call, FakeService

_BORN = "2026-01-02T03:04:05Z"


class FakeHeat(FakeService):
    """:ivar stacks: by id, as Heat shows them, with what they were made of beside.

    :ivar hasty: by action, status and reason that stacks reach as soon as they are asked to.
    """

    url = "http://heat.test"

    def __init__(self) -> None:
        super().__init__()
        self.stacks: dict[str, dict[str, Any]] = {}
        self.hasty: dict[str, tuple[str, str]] = {}
        self.routes = [
            ("POST", r"/v1/([^/]+)/stacks", self._create),
            ("GET", r"/v1/([^/]+)/stacks", self._list),
            ("GET", r"/v1/([^/]+)/stacks/([^/]+)", self._show),
            ("PATCH", r"/v1/([^/]+)/stacks/([^/]+)", self._update),
            ("DELETE", r"/v1/([^/]+)/stacks/([^/]+)", self._delete),
            ("GET", r"/v1/([^/]+)/stacks/([^/]+)/resources", self._resources),
        ]

    def settle(self, stack_id: str, status: str, reason: str = "", **outputs: Any) -> None:
        """Have a stack reach a status, as Heat's engine would."""
        stack = self.stacks[stack_id]
        stack["stack_status"], stack["stack_status_reason"] = status, reason
        stack["updated_time"] = _BORN
        stack["outputs"] = [{"output_key": k, "output_value": v} for k, v in outputs.items()]

    def _hurry(self, stack_id: str, action: str) -> None:
        if action in self.hasty:
            self.settle(stack_id, *self.hasty[action])

    def add_resource(
        self,
        stack_id: str,
        name: str,
        kind: str,
        status: str = "CREATE_COMPLETE",
        reason: str = "state changed",
        *,
        nested: str | None = None,
        inside: str | None = None,
        updated: str = _BORN,
    ) -> None:
        """Add one; ``nested`` is the id of the stack it is, ``inside`` of the one it is in."""
        links = [_link("stack", inside or stack_id)]
        if nested:
            links.append(_link("nested", nested))
        self.stacks[stack_id]["resources"].append(
            {
                "resource_name": name,
                "resource_type": kind,
                "resource_status": status,
                "resource_status_reason": reason,
                "physical_resource_id": nested or f"id-of-{name}",
                "updated_time": updated,
                "links": links,
            }
        )

    def _find(self, project: str, name_or_id: str) -> dict[str, Any] | None:
        for stack in self.stacks.values():
            if stack["project"] == project:
                gone = stack["stack_status"] == "DELETE_COMPLETE"
                if stack["id"] == name_or_id or (stack["stack_name"] == name_or_id and not gone):
                    return stack
        return None

    def _create(self, call: Call, project: str):
        name = call.body["stack_name"]
        if self._find(project, name):
            return _error(409, f"The Stack ({name}) already exists.")
        stack_id = str(uuid.uuid4())
        self.stacks[stack_id] = {
            "id": stack_id,
            "stack_name": name,
            "stack_status": "CREATE_IN_PROGRESS",
            "stack_status_reason": "Stack CREATE started",
            "creation_time": _BORN,
            "updated_time": None,
            "parameters": dict.fromkeys(call.body["template"].get("parameters", ()), "******"),
            "project": project,
            "request": call.body,
            "resources": [],
            "outputs": [],
        }
        self._hurry(stack_id, "CREATE")
        return Answer(201, {"stack": {"id": stack_id}})

    def _list(self, call: Call, project: str):
        wanted = call.query.get("id")
        found = [
            _shown(stack)
            for stack in self.stacks.values()
            if stack["project"] == project
            and (wanted is None or stack["id"] in wanted)
            and stack["stack_status"] != "DELETE_COMPLETE"
        ]
        return {"stacks": found}

    def _show(self, call: Call, project: str, name_or_id: str):
        stack = self._find(project, name_or_id)
        return {"stack": _shown(stack)} if stack else _missing(name_or_id)

    def _update(self, call: Call, project: str, name_or_id: str):
        stack = self._find(project, name_or_id)
        if stack is None:
            return _missing(name_or_id)
        if stack["stack_status"].endswith("IN_PROGRESS"):
            return _error(409, f"Stack {name_or_id} already has an action in progress.")
        known = stack["parameters"]  # what is not is dropped, as Heat does
        sent = {name: value for name, value in call.body["parameters"].items() if name in known}
        stack["request"]["parameters"].update(sent)
        stack["stack_status"] = "UPDATE_IN_PROGRESS"
        return Answer(202)

    def _delete(self, call: Call, project: str, name_or_id: str):
        stack = self._find(project, name_or_id)
        if stack is None:
            return _missing(name_or_id)
        stack["stack_status"] = "DELETE_IN_PROGRESS"
        self._hurry(stack["id"], "DELETE")
        return Answer(204)

    def _resources(self, call: Call, project: str, name_or_id: str):
        stack = self._find(project, name_or_id)
        return {"resources": stack["resources"]} if stack else _missing(name_or_id)


def _shown(stack: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in stack.items() if k not in {"project", "request", "resources"}}


def _link(relation: str, stack_id: str) -> dict[str, str]:
    return {"rel": relation, "href": f"http://heat.test/v1/p/stacks/some-name/{stack_id}"}


def _error(status: int, words: str) -> Answer:
    return Answer(status, {"code": status, "error": {"message": words, "type": "X"}})


def _missing(name_or_id: str) -> Answer:
    return _error(404, f"The Stack ({name_or_id}) could not be found.")
