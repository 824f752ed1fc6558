# SPDX-License-Identifier: Apache-2.0
"""Steps on a bay's own nodes: which of them go, how they leave, and the tokens to join.

All of it is done through a manager of the bay, which may be out of our reach or broken while the
bay can be changed all the same.  So none of these steps fails: each tells what is not done for it.
What is left to do for a change that has failed is in :mod:`magnum.conductor.aftermath`.
"""

import logging
from collections.abc import Callable
from typing import TypeVar

from magnum.clients.docker.allowance import allowing
from magnum.clients.errors import Missing
from magnum.conductor import victims
from magnum.conductor.answer import Pause
from magnum.conductor.run import Run, Unsettled
from magnum.conductor.swarm import Swarm, SwarmNode, has_swarm
from magnum.core import errors
from magnum.core.cluster import ClusterStatus, Worker
from magnum.heat.stacks import Stack

LOG = logging.getLogger(__name__)

T = TypeVar("T")

BUSY_SECONDS = 2.0
"""Between two looks at nodes that give up their tasks."""

LONGEST_SECONDS = 60.0
"""How long what is asked at a time may take, with dozens of nodes to drain."""

STAYING = "The tokens to join stay as they are"
UNKNOWN = "see the log of the service"


def choose_victims(run: Run) -> None:
    """Decide which workers go, when there are to be fewer.

    What is decided is kept, so that whoever goes on with the operation takes the same ones.

    :raises Unsettled: Heat is at work on the stack.
    """
    run.ensure()
    stack = run.find_stack()
    if stack is None:
        return  # the next step of the update says what that means
    if stack.status.endswith("_IN_PROGRESS"):
        raise Unsettled("Heat is not done with the stack yet.")
    seen = look(run, stack.id)
    chosen = _chosen(run, seen)
    going = {worker.member for worker in chosen}
    living = [w for w in seen.workers if w.server_id is not None and w.member not in going]
    run.progress["workers_before"] = [worker.name for worker in seen.workers]
    run.progress["victims"] = [{"name": w.name, "removal": w.removal} for w in chosen]
    # What has failed Heat makes anew, also where a server of it is there.
    failed = stack.status.endswith("_FAILED")
    run.progress["grows"] = failed or len(living) < run.spec.node_count
    for worker in chosen:
        run.say(f"{worker.name} is to go", about=worker.name)


def drain_victims(run: Run) -> Pause | None:
    """Have the workers that are to go give up their tasks, and wait for that for a while."""
    names = {victim["name"] for victim in run.progress.get("victims", ())}
    if not names or not has_swarm(run.cluster):
        return None
    busy = asked(run, "Nodes go with what runs on them", lambda swarm: _drain(run, swarm, names))
    if not busy:
        return None
    begun = run.progress.setdefault("draining_since", run.seconds_since_asked)
    if run.seconds_since_asked - begun < run.cloud.conf.conductor.drain_timeout:
        return Pause(BUSY_SECONDS)
    for name, count in busy.items():
        run.warn(f"{name} goes with {count} tasks that have not ended in time", about=name)
    return None


def removals(run: Run) -> list[str]:
    """Return what Heat is told to remove; nothing leaves the choice to it."""
    return [victim["removal"] for victim in run.progress.get("victims", ())]


def join_token(run: Run, stack: Stack) -> str | None:
    """Return the token for workers that are about to be made; None leaves the one Heat has."""
    if not run.progress.get("grows") or not has_swarm(run.cluster) or not _takes_token(run, stack):
        return None
    return asked(
        run,
        "New nodes are given the token of the bay's creation",
        lambda swarm: swarm.worker_token(),
    )


def forget_victims(run: Run) -> None:
    """Have the swarm forget the workers that are gone, and use those again that stayed."""
    if not has_swarm(run.cluster):
        return
    present = set(run.progress.get("workers", ()))
    if not present and run.spec.node_count:  # the stack does not tell; they may all be alive
        run.warn("The swarm may go on listing nodes that are gone: the stack tells of no workers")
        return
    gone = set(run.progress.get("workers_before", ())) - present
    asked(
        run,
        "The swarm may go on listing nodes that are gone",
        lambda swarm: _tidy(run, swarm, gone, present),
    )


def rotate_tokens(run: Run) -> None:
    """Make the tokens to join that nodes were given useless: all who needed one have joined.

    They stay where the stack could hand on no other one: no node could be made any more.
    """
    if has_swarm(run.cluster):
        done = asked(run, STAYING, lambda swarm: _rotate(run, swarm))
        if done:
            run.say("The tokens to join are new ones")


def use_again(run: Run, swarm: Swarm, node: SwarmNode) -> None:
    """Have a node that was drained to go, and stays, take tasks again."""
    run.ensure()
    swarm.activate(node.id)
    run.say(f"{node.name} stays and takes tasks again", about=node.name)


def asked(run: Run, otherwise: str, ask: Callable[[Swarm], T]) -> T | None:
    """Ask the bay's managers for something that can be done without.

    :param otherwise: what happens, or not, when they cannot be asked.
    """
    run.ensure()
    try:
        with allowing(LONGEST_SECONDS):
            return ask(run.swarm)
    except errors.LeaseLost:
        raise
    except errors.MagnumError as error:
        run.warn(f"{otherwise}: {error.message}")
    except Exception:  # whatever it is, the bay can be changed without
        LOG.exception("The swarm of bay %s cannot be asked", run.cluster.uuid)
        run.warn(f"{otherwise}: {UNKNOWN}")
    return None


def look(run: Run, stack_id: str) -> ClusterStatus:
    """Read which nodes the stack has now; none when it has just gone.

    :raises Unavailable: Heat does not answer.
    """
    run.ensure()
    try:
        outputs = run.stacks.outputs(stack_id)
    except Missing:
        return ClusterStatus()  # it has just gone; the next step says what that means
    return run.driver.cluster_status(run.spec, outputs)


def _chosen(run: Run, seen: ClusterStatus) -> list[Worker]:
    wanted = run.spec.node_count
    excess = len(seen.workers) - wanted
    if not seen.workers and run.held.claim.change.get("before", {}).get("node_count", 0) > wanted:
        run.warn("Heat chooses which nodes go: its stack does not tell which there are")
    if excess <= 0:
        return []
    blind = victims.without_server(seen.workers, excess)
    if len(blind) == excess or not has_swarm(run.cluster):
        return blind
    chosen = asked(
        run,
        "Heat chooses which nodes go",
        lambda swarm: victims.least_work(seen.workers, swarm.nodes(), swarm.work(), excess),
    )
    return blind if chosen is None else chosen


def _drain(run: Run, swarm: Swarm, names: set[str]) -> dict[str, int]:
    """Begin to drain what does not yet; return who still has how many tasks."""
    leaving = [node for node in swarm.nodes() if node.name in names]
    for node in leaving:
        if not node.is_leaving:
            run.ensure()
            swarm.drain(node.id)
            run.say(f"{node.name} gives up its tasks", about=node.name)
    tasks = swarm.tasks()
    return {node.name: tasks[node.id] for node in leaving if node.is_ready and tasks.get(node.id)}


def _tidy(run: Run, swarm: Swarm, gone: set[str], present: set[str]) -> None:
    for node in swarm.nodes():
        staying = node.name in present or node.is_manager
        # Who is leaving and not there went with an update that failed.
        if node.name in gone or (node.is_leaving and not staying):
            run.ensure()
            if node.is_manager:  # somebody made it one
                swarm.drain(node.id)
            swarm.forget(node.id)
            run.say(f"{node.name} is gone from the swarm", about=node.name)
        elif node.is_leaving and node.name in present:
            use_again(run, swarm, node)


def _rotate(run: Run, swarm: Swarm) -> bool:
    run.ensure()
    stack = run.find_stack()
    if stack is None:
        return False  # it was deleted behind our back, and the swarm with it
    if not _takes_token(run, stack):
        run.warn(f"{STAYING}: the bay's stack is of an earlier release and takes no other ones")
        return False
    swarm.rotate_tokens()
    return True


def _takes_token(run: Run, stack: Stack) -> bool:
    """Tell whether a stack hands on the token that an update brings."""
    given = run.driver.update_parameters(run.spec, (), "token").keys()
    handed = given - run.driver.update_parameters(run.spec, ()).keys()
    return bool(handed) and handed <= stack.parameters
