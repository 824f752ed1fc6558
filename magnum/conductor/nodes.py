# SPDX-License-Identifier: Apache-2.0
"""Steps on a bay's own nodes: which of them go, how they leave, and the tokens to join.

All of it is done through a manager of the bay, which may be out of our reach or broken while the
bay can be changed all the same.  So none of these steps fails: each tells what is not done for it.
What is left to do for a change that has failed is in :mod:`magnum.conductor.aftermath`.
"""

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from magnum.clients.docker.allowance import allowing
from magnum.clients.docker.errors import EngineUnreachable
from magnum.clients.errors import Missing
from magnum.conductor import victims
from magnum.conductor.answer import Pause
from magnum.conductor.run import Run, Unsettled
from magnum.conductor.swarm import Swarm, SwarmNode, has_swarm
from magnum.core import errors
from magnum.core.cluster import ClusterStatus, Worker
from magnum.heat import status as heat_status
from magnum.heat.stacks import Stack, StackResource

LOG = logging.getLogger(__name__)

T = TypeVar("T")

BUSY_SECONDS = 2.0
"""Between two looks at nodes that give up their tasks."""

STARTING_SECONDS = 5.0
"""Between two looks at nodes that go on starting; each has Heat list all resources."""

PAUSES = (2.0, 4.0, 8.0)
"""Between the tries of what should not be done without because managers are busy, in seconds."""

STRAGGLERS_SECONDS = 300.0
"""How long a failure of Heat's is held back for nodes that go on starting; then they are lost."""

STRAGGLERS_LEAVE = 30.0
"""Seconds that have to be left of the operation's time, or its end would tell of that alone."""

LONGEST_SECONDS = 60.0
"""How long what is asked at a time may take, with dozens of nodes to drain."""

STAYING = "The tokens to join stay as they are"
UNKNOWN = "see the log of the service"


def choose_victims(run: Run) -> Pause | None:
    """Decide which workers go: those that have never been ready, and when there are to be fewer.

    Heat makes others in place of the former.  It would not do so by itself: what a node has
    signalled stays with the node, so its failure is read again however often it is waited for.

    What is decided is kept, so that whoever goes on with the operation takes the same ones.

    :raises Unsettled: Heat is at work on the stack.
    """
    run.ensure()
    stack = run.find_stack()
    if stack is None:
        return None  # the next step of the update says what that means
    if stack.status.endswith("_IN_PROGRESS"):
        raise Unsettled("Heat is not done with the stack yet.")
    seen = look(run, stack.id)
    stillborn = _stillborn(run, stack, seen)
    if isinstance(stillborn, Pause):
        return stillborn
    excessive = _excessive(run, [worker for worker in seen.workers if worker not in stillborn])
    if isinstance(excessive, Pause):
        return excessive
    for worker in stillborn:
        run.say(f"{worker.name} has never been ready and is to go", about=worker.name)
    for worker in excessive:
        run.say(f"{worker.name} is to go", about=worker.name)
    chosen = [*stillborn, *excessive]
    going = {worker.member for worker in chosen}
    living = [w for w in seen.workers if w.server_id is not None and w.member not in going]
    run.progress["workers_before"] = [worker.name for worker in seen.workers]
    run.progress["victims"] = [{"name": w.name, "removal": w.removal} for w in chosen]
    # What has failed Heat makes anew, also where a server of it is there.
    failed = stack.status.endswith("_FAILED")
    run.progress["grows"] = failed or len(living) < run.spec.node_count
    return None


def drain_victims(run: Run) -> Pause | None:
    """Have the workers that are to go give up their tasks, and wait for that for a while."""
    names = {victim["name"] for victim in run.progress.get("victims", ())}
    if not names or not has_swarm(run.cluster):
        return None
    busy = insisted(run, "Nodes go with what runs on them", lambda swarm: _drain(run, swarm, names))
    if isinstance(busy, Pause):
        return busy
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


def join_token(run: Run, stack: Stack) -> str | Pause | None:
    """Return the token for workers that are about to be made; None leaves the one Heat has."""
    if not run.progress.get("grows") or not has_swarm(run.cluster) or not _takes_token(run, stack):
        return None
    return insisted(
        run,
        "New nodes are given the token of the bay's creation",
        lambda swarm: swarm.worker_token(),
    )


def wait_for_stragglers(run: Run, resources: Sequence[StackResource], failure: str) -> Pause | None:
    """Wait a while for nodes that go on starting though Heat has given the stack up.

    They join by a token that is good for nothing once the operation is over.

    :param resources: of the stack.
    :param failure: why it has, which users need not wait for.
    """
    starting = heat_status.in_creation(resources)
    names = {run.driver.node_name(run.spec, path) for path in starting} - {None}
    now, known = run.seconds_since_asked, "failed_after" in run.progress
    waited = now - run.progress.setdefault("failed_after", now)
    if not names or waited > STRAGGLERS_SECONDS or run.held.seconds_left < STRAGGLERS_LEAVE:
        return None
    if not known:
        run.warn(f"{failure} Nodes that are still starting are waited for: {len(names)}.")
    return Pause(STARTING_SECONDS)


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


def insisted(run: Run, otherwise: str, ask: Callable[[Swarm], T]) -> T | Pause | None:
    """Ask as :func:`asked` does, and again after a pause where managers are there and busy.

    They may elect a leader.  An operation has the tries once, whatever for.
    """
    tries = run.progress.get("tries_of_managers", 0)
    answer = _answer(run, ask)
    if not isinstance(answer, errors.MagnumError):
        return answer
    if isinstance(answer, EngineUnreachable) or tries == len(PAUSES):
        run.warn(f"{otherwise}: {answer.message}")
        return None
    run.progress["tries_of_managers"] = tries + 1
    return Pause(PAUSES[tries])


def asked(run: Run, otherwise: str, ask: Callable[[Swarm], T]) -> T | None:
    """Ask the bay's managers for something that can be done without.

    :param otherwise: what happens, or not, when they cannot be asked.
    """
    answer = _answer(run, ask)
    if not isinstance(answer, errors.MagnumError):
        return answer
    run.warn(f"{otherwise}: {answer.message}")
    return None


def _answer(run: Run, ask: Callable[[Swarm], T]) -> T | errors.MagnumError:
    """Return what came of asking the managers, or why nothing did."""
    run.ensure()
    try:
        with allowing(LONGEST_SECONDS):
            return ask(run.swarm)
    except errors.LeaseLost:
        raise
    except errors.MagnumError as error:
        return error
    except Exception:  # whatever it is, the bay can be changed without
        LOG.exception("The swarm of bay %s cannot be asked", run.cluster.uuid)
        return errors.MagnumError(UNKNOWN)


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


def _stillborn(run: Run, stack: Stack, seen: ClusterStatus) -> list[Worker] | Pause:
    """Return the workers that told Heat of a failure, or nothing in time.

    Of the latter those stay that are in the swarm all the same: Heat hears what they tell late.
    """
    if not stack.status.endswith("_FAILED"):
        return []
    run.ensure()
    unmet = heat_status.unmet_conditions(run.stacks.resources(stack.id))
    failed = {run.driver.node_name(run.spec, path): signalled for path, signalled in unmet.items()}
    workers = [worker for worker in seen.workers if worker.name in failed]
    if all(failed.values()) or not has_swarm(run.cluster):
        return workers
    ready = insisted(
        run,
        "Nodes of which nothing was heard stay",
        lambda swarm: {node.name for node in swarm.nodes() if node.is_ready},
    )
    if isinstance(ready, Pause):
        return ready
    spared = {worker.name for worker in workers} if ready is None else ready
    return [worker for worker in workers if failed[worker.name] or worker.name not in spared]


def _excessive(run: Run, workers: Sequence[Worker]) -> list[Worker] | Pause:
    wanted = run.spec.node_count
    excess = len(workers) - wanted
    if not workers and run.held.claim.change.get("before", {}).get("node_count", 0) > wanted:
        run.warn("Heat chooses which nodes go: its stack does not tell which there are")
    if excess <= 0:
        return []
    blind = victims.without_server(workers, excess)
    if len(blind) == excess or not has_swarm(run.cluster):
        return blind
    chosen = insisted(
        run,
        "Heat chooses which nodes go",
        lambda swarm: victims.least_work(workers, swarm.nodes(), swarm.work(), excess),
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
