# SPDX-License-Identifier: Apache-2.0
"""What a stack's resources do, told as events: the answer to "why is my bay not ready"."""

import logging
from collections.abc import Mapping

from magnum.clients.errors import scrub
from magnum.conductor.cloud import Cloud
from magnum.core import errors
from magnum.core.states import Action
from magnum.db import repository
from magnum.db.claims import Claim
from magnum.heat.stacks import StackResource
from magnum.heat.status import WAIT_CONDITION

LOG = logging.getLogger(__name__)


class Progress:
    """Remembers what was told of one operation's stack."""

    def __init__(self, cloud: Cloud, claim: Claim, stack_id: str) -> None:
        self._cloud = cloud
        self._claim = claim
        self._stack_id = stack_id
        self._known: Mapping[str, str] | None = None

    def look(self) -> bool:
        """Ask Heat once and tell what is new.

        :returns: whether anything was.
        :raises Missing: the stack is gone.
        :raises Unavailable: Heat or the database does not answer.
        """
        resources = self._cloud.stacks(self._claim.project_id).resources(self._stack_id)
        seen = {resource.path: _text(resource) for resource in resources if _is_news(resource)}
        known = self._known if self._known is not None else self._known_before(seen)
        changed = {path: text for path, text in seen.items() if known.get(path) != text}
        if changed:
            self._tell(changed)
        self._known = {**known, **seen}  # only now: what could not be told is news the next time
        return bool(changed)

    def _known_before(self, seen: Mapping[str, str]) -> Mapping[str, str]:
        """Return what needs no telling at the first look.

        A stack that is being created has only news, but for those that another conductor has
        told; one that is changed or deleted has its whole past.
        """
        if self._claim.action is not Action.CREATE:
            return seen
        return self._cloud.database.read(
            lambda session: repository.last_texts(session, self._claim.uuid)
        )

    def _tell(self, changed: Mapping[str, str]) -> None:
        try:
            self._write(changed)
        except errors.Invalid as error:
            LOG.warning("Events of stack %s are told without reasons: %s", self._stack_id, error)
            self._write({path: text.partition(": ")[0] for path, text in changed.items()})

    def _write(self, changed: Mapping[str, str]) -> None:
        told = [
            ("ERROR" if "_FAILED" in text else "INFO", path, text) for path, text in changed.items()
        ]
        self._cloud.database.write(
            lambda session: repository.add_events(
                session, self._claim.cluster_id, self._claim.uuid, told
            )
        )


def _is_news(resource: StackResource) -> bool:
    """Leave out what says little: wrappers of nested stacks, and things being on their way."""
    if not resource.type.startswith("OS::") or resource.status == "INIT_COMPLETE":
        return False
    return not resource.status.endswith("_IN_PROGRESS") or resource.type == WAIT_CONDITION


def _text(resource: StackResource) -> str:
    text = f"{resource.type} {resource.status}"
    if resource.status.endswith("_FAILED"):
        return f"{text}: {scrub(resource.reason)}"
    if resource.type == WAIT_CONDITION and resource.status == "CREATE_IN_PROGRESS":
        return f"{text}: waiting for the node to signal"
    return text
