# SPDX-License-Identifier: Apache-2.0
"""The steps that operations are made of.

Each may have been done by a conductor that died before it could record it.  So each looks for
what it would make under the one name it can have, and adopts it.  A step does one kind of thing
to one service, asks :meth:`Run.ensure` before, and either returns, or returns :data:`WAITING`, or
raises.  The steps on a bay's own nodes are in :mod:`magnum.conductor.nodes`.
"""

from collections.abc import Sequence

from magnum.certs import manager, x509
from magnum.certs.passwords import node_password
from magnum.clients.errors import scrub
from magnum.clients.keystone import ProjectGone
from magnum.conductor import aftermath, leftovers, nodes
from magnum.conductor.answer import WAITING, Answer, Pause, Waiting
from magnum.conductor.run import OperationFailed, Run, Unsettled
from magnum.core import errors, states
from magnum.core.cluster import NodeAccess, NodeUser, Role
from magnum.db import repository
from magnum.heat import status as heat_status
from magnum.heat.stacks import Stack, StackResource

HEAT_FORGETS_SECONDS = 60
"""After so long without an answer Heat drops a call, by its rpc_response_timeout."""

ROLES: tuple[Role, ...] = ("master", "worker")


def make_certificates(run: Run) -> None:
    """Have a certificate authority, and the certificate this service uses towards the cluster."""
    options = run.cloud.conf.x509
    keys = x509.KeyPolicy(options.key_type, options.rsa_key_size, options.term_of_validity)
    run.ensure()
    authority_ref, authority = run.cloud.store.ensure(
        manager.ca_name(run.cluster.uuid),
        lambda: x509.create_ca(run.cluster.name, keys),
    )
    run.ensure()
    own_ref, _ = run.cloud.store.ensure(
        manager.conductor_name(run.cluster.uuid),
        lambda: x509.issue_client(authority, keys),
    )
    run.change(ca_cert_ref=authority_ref, magnum_cert_ref=own_ref)


def make_node_users(run: Run) -> None:
    """Have the two users that the cluster's nodes log in as; they get no role anywhere."""
    authority = _authority(run)
    for role in ROLES:
        run.ensure()
        user_id = run.cloud.keystone.ensure_node_user(
            run.user_name(role),
            node_password(authority, role),
            f"{role.capitalize()} nodes of bay {run.cluster.uuid}",
        )
        run.change(**{f"{role}_user_id": user_id})


def create_stack(run: Run) -> None:
    """Have Heat begin to build the cluster."""
    spec = run.spec
    run.ensure()
    stack = run.stacks.find(spec.stack_name)
    if stack is None:
        request = run.driver.create_request(spec, _node_access(run))
        run.ensure()
        stack_id = run.stacks.create(request)
        run.say(f"Heat builds the stack {spec.stack_name}")
    else:
        stack_id = stack.id
        run.say(f"Found the stack {spec.stack_name} already being built")
    run.change(stack_id=stack_id)


def drain(run: Run) -> Pause | None:
    """Have workers that are to go give up their tasks, and note what Heat shows before the change.

    By that whoever goes on can tell whether Heat has begun the change.
    """
    pause = nodes.drain_victims(run)
    if pause is None:
        run.ensure()
        stack = run.find_stack()
        run.progress["before"] = stack and _moment(stack)
    return pause


def update_stack(run: Run) -> Pause | None:
    """Have Heat begin to bring the stack to the number of nodes wanted.

    Once it has begun it is not asked again: of two changes that meet one may be cancelled halfway.
    """
    run.ensure()
    stack = run.find_stack()
    if stack is None:
        raise OperationFailed("The Heat stack of this bay is gone, only deleting it is possible.")
    if _has_begun(run, stack):
        run.say("Heat changes the stack already")
        return None
    token = nodes.join_token(run, stack)
    if isinstance(token, Pause):
        return token
    run.progress["before"] = _moment(stack)
    spec = run.spec
    parameters = run.driver.update_parameters(spec, nodes.removals(run), token)
    run.ensure()
    run.stacks.update(stack.id, parameters, spec.create_timeout_minutes)
    run.say(f"Heat changes the stack to {spec.node_count} nodes")
    return None


def wait_for_stack(run: Run) -> Answer:
    """Wait until Heat has built or changed everything, and every node has signalled."""
    if not run.looked:
        return WAITING
    stack = run.observed
    if stack is None or stack.status == "DELETE_COMPLETE":  # for some moments Heat shows it still
        raise OperationFailed("The Heat stack of this bay was deleted while it was worked on.")
    if stack.status.endswith("_IN_PROGRESS"):
        return WAITING
    if run.progress.get("before") == _moment(stack):
        return update_stack(run) or WAITING  # Heat answered and never began
    if stack.status.endswith("_COMPLETE"):
        return None
    run.ensure()
    resources = run.stacks.resources(stack.id)
    failure = _failure(run, stack, resources)
    pause = nodes.wait_for_stragglers(run, resources, failure) if aftermath.is_due(run) else None
    if pause is not None:
        return pause
    raise OperationFailed(failure)


def read_outputs(run: Run) -> None:
    """Learn the addresses from the finished stack."""
    if run.cluster.stack_id is None:
        raise OperationFailed("The Heat stack of this bay was not recorded.")
    run.ensure()
    outputs = run.stacks.outputs(run.cluster.stack_id)
    seen = run.driver.cluster_status(run.spec, outputs)
    run.change(
        api_address=seen.api_address,
        discovery_url=run.cluster.discovery_url or seen.discovery_url,
    )
    run.place("master", seen.master_addresses)
    run.place("worker", seen.node_addresses)
    run.progress["workers"] = [worker.name for worker in seen.workers]


def delete_stack(run: Run) -> None:
    """Have Heat begin to take everything down, if there is anything.

    Ports in the way are removed first: Heat takes minutes to find that it cannot delete a network.
    """
    if run.progress.get("project_gone"):
        return
    run.ensure()
    stack = run.find_stack()
    if stack is None:
        _wait_for_unseen_creation(run)
        return
    run.progress["remaining"] = leftovers.remove(run, stack)
    run.progress["before"] = _moment(stack)
    run.progress["tries"] = run.progress.get("tries", 0) + 1
    run.ensure()
    run.stacks.delete(stack.id)
    run.change(stack_id=stack.id)
    run.say(f"Heat deletes the stack {stack.name}")


def wait_for_no_stack(run: Run) -> Waiting | None:
    """Wait until Heat has nothing of the cluster any more, removing what stands in its way."""
    if run.cluster.stack_id is None or run.progress.get("project_gone"):
        return None
    if not run.looked:
        return WAITING
    stack = run.observed
    if stack is None or stack.status == "DELETE_COMPLETE":
        return None
    if stack.status == "DELETE_IN_PROGRESS":
        return WAITING
    tries = run.progress.get("tries", 0)
    if stack.status == "DELETE_FAILED" and tries >= run.cloud.conf.cluster_heat.delete_attempts:
        run.ensure()
        failure = _failure(run, stack, run.stacks.resources(stack.id))
        raise OperationFailed(" ".join([failure, *run.progress.get("remaining", ())]))
    delete_stack(run)
    return WAITING


def delete_node_users(run: Run) -> None:
    """Let no node user remain."""
    for role in ROLES:
        run.ensure()
        known_id = getattr(run.cluster, f"{role}_user_id")
        run.cloud.keystone.delete_node_user(run.user_name(role), known_id)


def delete_certificates(run: Run) -> None:
    """Let no key or certificate remain in the store."""
    for name_of in (manager.conductor_name, manager.ca_name):
        run.ensure()
        run.cloud.store.delete(name_of(run.cluster.uuid))


def leave_project(run: Run) -> None:
    """Give our roles in the project back when no other cluster of it needs them."""
    still_needed = run.cloud.database.read(
        lambda session: repository.clusters_needing_access(
            session, run.cluster.project_id, run.cluster.uuid, done_after="certificates"
        )
    )
    if not still_needed:
        run.ensure()
        run.cloud.leave(run.cluster.project_id)


def enter_project(run: Run) -> None:
    """Be able to act in the cluster's project; done at the start of every pass.

    An operation that begins believes nothing of what this process knows: whichever conductor has
    deleted the project's last cluster took our role, and with it all our tokens there.

    A deletion goes on without the project: nothing in it can be reached any more.
    """
    if run.held.claim.step is None:
        run.cloud.doubt(run.cluster.project_id)
    try:
        run.cloud.enter(run.cluster.project_id)
    except ProjectGone:
        if run.action is not states.Action.DELETE:
            raise
        if not run.progress.get("project_gone"):
            run.say("The project is gone, what it held in Heat cannot be reached")
        run.progress["project_gone"] = True


def _authority(run: Run) -> x509.Bundle:
    if run.cluster.ca_cert_ref is None:
        raise errors.MagnumError("The certificate authority was not recorded.")
    run.ensure()
    return run.cloud.store.load(run.cluster.ca_cert_ref)


def _node_access(run: Run) -> NodeAccess:
    authority = _authority(run)
    users = {
        role: NodeUser(getattr(run.cluster, f"{role}_user_id"), node_password(authority, role))
        for role in ROLES
    }
    keystone = run.cloud.keystone
    return NodeAccess(keystone.auth_url(), keystone.magnum_url(), **users)


def _failure(run: Run, stack: Stack, resources: Sequence[StackResource]) -> str:
    """Say which resource of a failed stack is to blame, in its own words."""
    run.faults = heat_status.faults(resources)
    failure = heat_status.deepest_failure(resources)
    if failure is None:
        words = errors.first_sentence(scrub(stack.reason))
        return f"The Heat stack is {stack.status}: {words}."
    run.blamed = failure.path
    return heat_status.describe_failure(failure, run.driver.node_name(run.spec, failure.path))


def _wait_for_unseen_creation(run: Run) -> None:
    """Make sure that Heat will not make the stack after all.

    Who was asking Heat for it when the deletion came may not have seen the answer, and Heat goes
    on with what nobody waits for any more.

    :raises Unsettled: it might.
    """
    if run.cluster.stack_id is not None or run.seconds_since_asked > HEAT_FORGETS_SECONDS:
        return
    if run.cloud.database.read(
        lambda session: repository.was_superseded_after(session, run.cluster.uuid, "node_users")
    ):
        raise Unsettled("Heat may still be about to make the stack it was asked for.")


def _has_begun(run: Run, stack: Stack) -> bool:
    """Tell whether a change was accepted of which nobody lived, or heard enough, to tell."""
    before = run.progress.get("before")
    return before is not None and before[1] != _moment(stack)[1]


def _moment(stack: Stack) -> list[str | None]:
    """Tell one state of a stack from the next, even if both have the same status."""
    return [stack.status, stack.updated_at.isoformat() if stack.updated_at else None]
