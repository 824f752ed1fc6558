# SPDX-License-Identifier: Apache-2.0
"""Containers on Swarm bays.

What a call does to a container it does before it answers, save for an image that takes long; how
that is bounded is the service layer's business.
"""

from dataclasses import replace
from typing import Any

from magnum.api import patch, types, views
from magnum.api.call import Call, Reply
from magnum.api.controllers.resources import Resource
from magnum.api.intake import ABSENT
from magnum.core import errors
from magnum.service.page import Page

ACTIONS = ("start", "stop", "reboot", "pause", "unpause")
"""What can be done to one with neither a question nor an answer."""

_COMMAND_RULE = "be given as the query parameter command"


class ContainersController(Resource):
    """``/v1/containers``."""

    def service(self, call: Call) -> Any:
        return call.services.containers

    def post(self, call: Call) -> Reply:
        """Create one: 201 with all of it.

        :raises ReferencedMissing: the bay does not exist.
        """
        values = types.read(self.vocabulary.noun, self.vocabulary.words, call.body)
        bay = call.services.containers.bay(call.context, values["cluster_id"])
        call.authorise(self.vocabulary.rule("create"), bay)
        return self.created(call, call.services.containers.create(call.context, bay, values))

    def get(self, call: Call) -> Reply:
        """Show one, as it is now."""
        row = call.services.containers.look(self.found(call, "get"))
        return Reply(self.shown(call, row))

    def patch(self, call: Call) -> Reply:
        """Change what is stored of one: 200 with all of it.

        :raises Invalid: the patch is wrong, or would change what cannot change.
        """
        changes = patch.parse(self.vocabulary, call.body)
        row = self.found(call, "update")
        values = patch.apply(self.vocabulary, views.document(self.vocabulary, row), changes)
        self.check_changeable(values)
        return Reply(self.shown(call, call.services.containers.update(row, values)))

    def start(self, call: Call) -> Reply:
        """Start one; there is nothing to say of it."""
        return self._act(call, "start")

    def stop(self, call: Call) -> Reply:
        """Stop one."""
        return self._act(call, "stop")

    def reboot(self, call: Call) -> Reply:
        """Stop and start one."""
        return self._act(call, "reboot")

    def pause(self, call: Call) -> Reply:
        """Freeze what runs in one."""
        return self._act(call, "pause")

    def unpause(self, call: Call) -> Reply:
        """Let it run again."""
        return self._act(call, "unpause")

    def logs(self, call: Call) -> Reply:
        """Show what has been written in one."""
        row = self.found(call, "logs")
        return Reply(call.services.containers.perform(row, "logs"))

    def execute(self, call: Call) -> Reply:
        """Run a command in one and show what it wrote.

        :raises Invalid: there is no command.
        """
        command = _command(call)
        row = self.found(call, "execute")
        return Reply(call.services.containers.perform(row, "exec", command))

    def narrowed(self, call: Call, page: Page, all_projects: bool) -> Page:
        """Keep to one bay, where the query names one."""
        ident = call.query.get("bay_ident")
        if ident is None:
            return page
        service = call.services.containers
        return replace(page, cluster_id=service.cluster_id(call.context, ident, all_projects))

    def _act(self, call: Call, verb: str) -> Reply:
        if call.body not in (ABSENT, None, {}):
            raise errors.Invalid(f"The body must be empty, {verb} takes none.")
        call.services.containers.perform(self.found(call, verb), verb)
        return Reply(None)


def _command(call: Call) -> str:
    """Return the command, which old clients send with the query and old tests as a form."""
    sent: list[object] = [call.query["command"]] if "command" in call.query else []
    if isinstance(call.body, dict) and call.body.keys() == {"command"}:
        sent.append(call.body["command"])
    elif call.body not in (ABSENT, None, {}):
        raise errors.Invalid(f"The body must be empty, the command must {_COMMAND_RULE}.")
    if len(sent) != 1:
        shown = "missing" if not sent else "there twice"
        raise errors.Invalid(f"The command is {shown} but must {_COMMAND_RULE}.")
    (command,) = sent
    if not isinstance(command, str):
        raise errors.InvalidField("command", command, "be a text")
    return command
