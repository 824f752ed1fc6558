# SPDX-License-Identifier: Apache-2.0
"""Which steps make a creation, an update, the way back, a deletion, and in which order.

The names are stored with operations: one that is in use cannot be renamed.
"""

from collections.abc import Callable
from dataclasses import dataclass

from magnum.conductor import nodes, steps
from magnum.conductor.answer import Answer
from magnum.conductor.run import Run
from magnum.core.states import Action


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a lifecycle.

    :ivar name: recorded when it is done.
    :ivar act: does it; may be called again after it was done.
    :ivar text: what users are told when it is done, if anything.
    """

    name: str
    act: Callable[[Run], Answer]
    text: str | None


# Addresses come before what asks the bay's own managers; tokens come last, when nobody joins.
_UPDATE = (
    Step("victims", nodes.choose_victims, None),
    Step("drain", steps.drain, None),
    Step("stack", steps.update_stack, "Heat has accepted the change"),
    Step("wait", steps.wait_for_stack, "Heat has finished, all nodes have signalled"),
    Step("outputs", steps.read_outputs, "Addresses are known"),
    Step("nodes", nodes.forget_victims, None),
    Step("tokens", nodes.rotate_tokens, "The bay is ready"),
)

# Certificates come first: the node users' passwords are derived from the authority's key.
LIFECYCLES: dict[Action, tuple[Step, ...]] = {
    Action.CREATE: (
        Step("certificates", steps.make_certificates, "Certificate authority is made"),
        Step("node_users", steps.make_node_users, "Users of the nodes are made"),
        Step("stack", steps.create_stack, "Heat has accepted the stack"),
        Step("wait", steps.wait_for_stack, "Heat has finished, all nodes have signalled"),
        Step("outputs", steps.read_outputs, "Addresses are known"),
        Step("tokens", nodes.rotate_tokens, "The bay is ready"),
    ),
    Action.UPDATE: _UPDATE,
    # The way back is an update to what the row wants again.
    Action.ROLLBACK: _UPDATE,
    # Users and keys go after the stack: nodes that still run may need them to the end.
    Action.DELETE: (
        Step("stack", steps.delete_stack, "Heat has been asked to delete the stack"),
        Step("wait", steps.wait_for_no_stack, "Heat has deleted everything"),
        Step("node_users", steps.delete_node_users, "Users of the nodes are deleted"),
        Step("certificates", steps.delete_certificates, "Certificates and keys are deleted"),
        Step("project", steps.leave_project, "Nothing remains"),
    ),
}


def remaining(action: Action, done: str | None) -> tuple[Step, ...]:
    """Return the steps after the last one recorded; all of them when none was."""
    lifecycle = LIFECYCLES[action]
    if done is None:
        return lifecycle
    names = [step.name for step in lifecycle]
    return lifecycle[names.index(done) + 1 :]
