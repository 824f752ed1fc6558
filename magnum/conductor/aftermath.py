# SPDX-License-Identifier: Apache-2.0
"""What an update that fails leaves behind on the bay's own swarm, before its end is written.

Called by the runner.  Nothing here may hide why the operation has failed, nor hold its end up for
long: the managers may be what is broken.
"""

from magnum.clients.docker.allowance import allowing
from magnum.conductor import nodes
from magnum.conductor.run import Run
from magnum.conductor.swarm import Swarm, has_swarm
from magnum.core.states import Action

PARTING_SECONDS = 20.0
"""How long the managers have for all of it; so much later at most the failure is told."""

CHANGES = (Action.UPDATE, Action.ROLLBACK)
"""What leaves a bay that goes on being used.

A creation that failed does not: its bay can only be deleted, nothing is ever placed on it, and the
addresses of its managers, of which most are not up, were not learnt yet.
"""


def is_due(run: Run) -> bool:
    """Tell whether there is something to do; the way back, where it follows, ends with the same."""
    claim = run.held.claim
    return claim.action in CHANGES and not claim.goes_back and has_swarm(run.cluster)


def tidy_up(run: Run) -> None:
    """Use the nodes again that did not go, and make the tokens that nodes were given useless.

    :raises LeaseLost: it is for somebody else to do.
    """
    with allowing(PARTING_SECONDS):
        nodes.asked(run, "Nodes may go on taking no tasks", lambda swarm: _use_again(run, swarm))
        nodes.rotate_tokens(run)


def _use_again(run: Run, swarm: Swarm) -> None:
    """Take back that nodes were drained, unless Heat does not count them among the bay's any more.

    Those it has still to remove, and does with the next update.
    """
    leaving = [node for node in swarm.nodes() if node.is_leaving]
    if not leaving:
        return
    run.ensure()
    stack = run.find_stack()
    staying = {w.name for w in nodes.look(run, stack.id).workers} if stack else set()
    for node in leaving:
        if node.name in staying:
            nodes.use_again(run, swarm, node)
        elif node.is_ready:
            run.warn(f"{node.name} takes no tasks, Heat has still to remove it", about=node.name)
