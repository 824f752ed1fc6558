# SPDX-License-Identifier: Apache-2.0
"""Which node is told to have kept a bay from its end, by the name of its server."""

import pytest

from magnum.core.states import Action
from magnum.heat.stacks import StackResource
from tests import factories
from tests.fakes.cloud import MOMENT
from tests.unit.conductor.conftest import Bench

WAIT = "OS::Heat::WaitCondition"


def resource(path: str, kind: str, status: str, reason: str = "") -> StackResource:
    return StackResource(path.rpartition("/")[2], path, kind, status, reason, "", MOMENT)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (
            "WaitConditionFailure: resources.ready: docker: the container engine does not start",
            "docker: the container engine does not start",
        ),
        (
            "WaitConditionTimeout: resources.ready: 0 of 1 received",
            "no signal came in time: 0 of 1 received",
        ),
    ],
)
def test_step_that_fails_or_never_signals_is_told_with_its_node(
    bench: Bench, reason: str, words: str
) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    (held,) = bench.leases.claim(1)
    bench.runner.begin(held)
    (stack,) = bench.fakes.heat.living()
    bench.fakes.heat.resources_of[stack.id] = [
        resource("workers", "OS::Heat::ResourceGroup", "CREATE_FAILED", f"resources[0]: {reason}"),
        resource("workers/0", "node.yaml", "CREATE_FAILED", f"Resource CREATE failed: {reason}"),
        resource("workers/0/ready", WAIT, "CREATE_FAILED", reason),
    ]
    bench.fakes.heat.settle("FAILED")
    bench.runner.resume(bench.fakes.heat.stacks[stack.id], held)
    seen = bench.read(row.uuid)
    assert seen is not None
    prefix = bench.fakes.heat.requests[stack.id].parameters["node_prefix"]
    assert seen.status_reason == (
        f"Node {prefix}-node-0: workers/0/ready (OS::Heat::WaitCondition) failed: {words}."
    )
    told = bench.events()[-1]
    assert (told.resource, told.text) == ("workers/0/ready", seen.status_reason)


def test_nodes_that_have_not_signalled_at_the_deadline_are_named(bench: Bench) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    (held,) = bench.leases.claim(1)
    bench.runner.begin(held)
    (stack,) = bench.fakes.heat.living()
    bench.fakes.heat.resources_of[stack.id] = [
        resource("workers", "OS::Heat::ResourceGroup", "CREATE_IN_PROGRESS"),
        resource("workers/3", "node.yaml", "CREATE_IN_PROGRESS"),
        resource("workers/3/ready", WAIT, "CREATE_IN_PROGRESS"),
        resource("subnet", "OS::Neutron::Subnet", "CREATE_IN_PROGRESS"),
    ]
    bench.runner.expire(held)
    seen = bench.read(row.uuid)
    assert seen is not None
    prefix = bench.fakes.heat.requests[stack.id].parameters["node_prefix"]
    assert (seen.status_reason or "").endswith(
        f"still waiting for subnet, workers/3/ready (node {prefix}-node-3)."
    )


def test_stack_that_failed_without_a_resource_is_told_without_secrets(bench: Bench) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    (held,) = bench.leases.claim(1)
    bench.runner.begin(held)
    (stack,) = bench.fakes.heat.living()
    bench.fakes.heat.settle("FAILED", "Get https://me:word@registry/v2?key=word. It\nfailed")
    bench.runner.resume(bench.fakes.heat.stacks[stack.id], held)
    seen = bench.read(row.uuid)
    assert seen is not None
    assert seen.status_reason == (
        "The Heat stack is CREATE_FAILED: Get https://registry/v2 It failed."
    )
    assert "word" not in str([event.text for event in bench.events()])
