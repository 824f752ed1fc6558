# SPDX-License-Identifier: Apache-2.0
"""Reasons are as a real Heat 27 gave them."""

from datetime import UTC, datetime

import pytest

from magnum.heat.stacks import StackResource
from magnum.heat.status import (
    MAX_FAULTS,
    NO_REASON,
    Failure,
    deepest_failure,
    describe_failure,
    faults,
    unwrap,
)

QUOTA = (
    "Quota exceeded for cores: Requested 4, but already used 18 of 20 cores (HTTP 403) "
    "(Request-ID: req-11111111-2222-3333-4444-55555555555{})"
)
SERVER_LAYERS = (
    "Resource CREATE failed: ResourceInError: resources.masters.resources[0].resources.server"
)


def resource(path, reason="", status="CREATE_FAILED", kind="OS::Nova::Server", minute=0):
    return StackResource(
        name=path.rpartition("/")[2],
        path=path,
        type=kind,
        status=status,
        reason=reason,
        physical_id="",
        updated_at=datetime(2026, 1, 1, 0, minute, tzinfo=UTC),
    )


def root(resources) -> Failure:
    failure = deepest_failure(resources)
    assert failure is not None
    return failure


def test_nothing_failed():
    assert deepest_failure([resource("a", status="CREATE_COMPLETE")]) is None
    assert deepest_failure([]) is None


def test_the_deepest_one_is_told_in_its_own_words_and_the_alike_are_counted():
    wrapped = "Resource CREATE failed: Forbidden: resources.workers.resources[{}]"
    failure = root(
        [
            resource("workers", wrapped.format(1) + ".resources.server: " + QUOTA.format(1)),
            resource("workers/0", "Forbidden: resources.server: " + QUOTA.format(0)),
            resource("workers/1", "Forbidden: resources.server: " + QUOTA.format(1)),
            resource("workers/0/server", "Forbidden: resources.server: " + QUOTA.format(0)),
            resource("workers/1/server", "Forbidden: resources.server: " + QUOTA.format(1)),
            resource("workers/2/server", "CREATE aborted", minute=1),
        ]
    )
    assert failure.path == "workers/0/server"
    assert failure.alike == 1
    assert describe_failure(failure) == (
        f"workers/0/server (OS::Nova::Server) failed: {QUOTA.format(0)}. "
        "1 more failed in the same way."
    )


def test_a_cause_goes_before_deeper_cancelled_neighbours():
    failure = root(
        [
            resource("workers/0/server", "CREATE aborted (Task create from X stopped)"),
            resource("net", "Conflict: resources.net: No more networks"),
        ]
    )
    assert (failure.path, failure.reason) == ("net", "No more networks")


def test_a_cause_goes_before_a_wait_that_timed_out_earlier():
    timed_out = "WaitConditionTimeout: resources.wait: 0 of 1 received"
    failure = root(
        [
            resource("masters/0/wait", timed_out, kind="OS::Heat::WaitCondition"),
            resource("masters/0/server", "No valid host was found", minute=5),
        ]
    )
    assert failure.path == "masters/0/server"


def test_who_failed_first_is_told_first():
    failure = root([resource("a/x", "later", minute=2), resource("b/x", "first", minute=1)])
    assert failure.reason == "first"


def test_words_of_a_node_survive():
    reason = "WaitConditionFailure: resources.wait: certificates: curl: (7) refused. Giving up."
    failure = root([resource("m/0/wait", reason, kind="OS::Heat::WaitCondition")])
    assert describe_failure(failure) == (
        "m/0/wait (OS::Heat::WaitCondition) failed: certificates: curl: (7) refused; Giving up."
    )


def test_the_node_is_named_first():
    reason = "WaitConditionTimeout: resources.ready: 0 of 1 received"
    failure = root([resource("workers/1/ready", reason, kind="OS::Heat::WaitCondition")])
    assert describe_failure(failure, "bay-x-node-1") == (
        "Node bay-x-node-1: workers/1/ready (OS::Heat::WaitCondition) failed: no signal came in "
        "time: 0 of 1 received."
    )


def test_only_heats_words_are_cut():
    reason = "WaitConditionFailure: resources.ready: docker: " + "level=warning " * 500
    failure = root([resource("workers/1/ready", reason, kind="OS::Heat::WaitCondition")])
    told = describe_failure(failure, "bay-x-node-1")
    start = "Node bay-x-node-1: workers/1/ready (OS::Heat::WaitCondition) failed: "
    assert told.startswith(f"{start}docker: level=warning ")
    assert len(told) <= len(start) + 1000
    assert told.endswith(".")


def test_no_reason_is_said_to_be_none():
    assert describe_failure(root([resource("a")])) == (
        "a (OS::Nova::Server) failed: Heat gives no reason."
    )


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (
            f'{SERVER_LAYERS}: Went to status ERROR due to "Message: No valid host"',
            'Went to status ERROR due to "Message: No valid host"',
        ),
        (
            "Resource CREATE failed: WaitConditionTimeout: resources.w: 0 of 1 received",
            "no signal came in time: 0 of 1 received",
        ),
        (
            "Conflict: resources.sub: Unable to complete operation on subnet x.\nNeutron says",
            "Unable to complete operation on subnet x. Neutron says",
        ),
        ("resources[3].resources.port: No more IP addresses", "No more IP addresses"),
        ("docker: resources are short", "docker: resources are short"),
    ],
)
def test_layers_are_taken_off(reason, words):
    assert unwrap(reason) == words


def test_faults_are_those_that_failed_by_themselves_the_cause_first():
    told = faults(
        [
            resource("network", status="CREATE_COMPLETE"),
            resource("workers", "Resource CREATE failed: ResourceInError: resources.workers: x"),
            resource("workers/0/server", "CREATE aborted (user triggered cancel)"),
            resource("workers/1/server", "ResourceInError: resources.server: No valid host"),
            resource("workers/2/server", ""),
        ]
    )
    assert next(iter(told.items())) == ("workers/1/server", "No valid host")
    assert told.keys() == {"workers/0/server", "workers/1/server", "workers/2/server"}
    assert told["workers/2/server"] == NO_REASON


def test_faults_are_bounded_and_tell_no_secret():
    many = [resource(f"workers/{number}/server", "long " * 1000) for number in range(500)]
    told = faults(many)
    assert len(told) == MAX_FAULTS
    assert max(map(len, told.values())) <= 1000
    words = "GET https://a:hunter2@host/v1?X-Auth=hunter2 'adminPass': 'hunter2'"
    assert "hunter2" not in str(faults([resource("server", words)]))
    assert "hunter2" not in describe_failure(root([resource("server", words)]))
