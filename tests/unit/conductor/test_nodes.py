# SPDX-License-Identifier: Apache-2.0
"""Which nodes of a bay go, how they leave, what joins: with managers that answer, or do not."""

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy.orm import Session

from magnum.certs.manager import ca_name, conductor_name
from magnum.clients.docker.errors import EngineFailed, EngineSilent, EngineUnreachable
from magnum.clients.errors import Rejected
from magnum.conductor import nodes, victims
from magnum.conductor.runner import Verdict
from magnum.conductor.swarm import SwarmNode
from magnum.core import errors
from magnum.core.cluster import Worker
from magnum.core.states import Action
from magnum.db import repository
from magnum.db.models import Cluster
from tests import factories
from tests.fakes.cloud import MASTER_NAME, worker_address, worker_name
from tests.fakes.swarm import MANAGER_ADDRESS
from tests.unit.conductor.conftest import Bench

AWAY = EngineUnreachable("no route to host, 192.0.2.4")
SWARM_CALLS = ("swarm nodes", "swarm tasks", "swarm update", "swarm remove", "swarm rotate")


def bay(bench: Bench, workers: int) -> Cluster:
    """Have a finished bay of so many workers."""
    row = factories.add_cluster(bench.database, Action.CREATE)

    def count(session: Session) -> None:
        present = repository.lock(session, Cluster, row.uuid)
        (group,) = (group for group in present.node_groups if group.role == "worker")
        group.node_count = workers

    bench.database.write(count)
    bench.work()
    return row


def resize(bench: Bench, row: Cluster, to: int, *, rollback: bool = False) -> None:
    bench.database.write(lambda session: factories.add_resize(session, row, to, rollback=rollback))
    bench.work()


def workers_of(bench: Bench) -> dict[str, str | None]:
    (stack,) = bench.fakes.heat.living()
    return dict(bench.fakes.heat.workers[stack.id])


def sent(bench: Bench) -> Mapping[str, Any]:
    (stack,) = bench.fakes.heat.living()
    return bench.fakes.heat.parameters[stack.id]


def warnings(bench: Bench) -> list[str]:
    return [event.text for event in bench.events() if event.severity == "WARNING"]


def status(bench: Bench, row: Cluster) -> str | None:
    seen = bench.read(row.uuid)
    assert seen is not None
    return seen.status


@pytest.mark.parametrize(
    ("tasks", "left"),
    [
        ({}, {"0", "1"}),  # of equals the last made
        ({"1": 1, "2": 1}, {"1", "2"}),
        ({"0": 5, "1": 2, "2": 3}, {"0", "2"}),
    ],
)
def test_workers_with_the_least_work_go_and_no_other_is_touched(
    bench: Bench, tasks: dict[str, int], left: set[str]
) -> None:
    row = bay(bench, 3)
    before = workers_of(bench)
    bench.fakes.swarm.tasks = {worker_name(member): count for member, count in tasks.items()}
    resize(bench, row, 2)
    assert status(bench, row) == "UPDATE_COMPLETE"
    assert workers_of(bench) == {member: before[member] for member in left}
    (gone,) = before.keys() - left
    assert sent(bench)["nodes_to_remove"] == [before[gone]]
    names = {worker_name(member) for member in left}
    assert bench.fakes.swarm.listed.keys() == {MASTER_NAME, *names}
    told = [event.text for event in bench.events() if event.resource == worker_name(gone)]
    assert told == [
        f"{worker_name(gone)} is to go",
        f"{worker_name(gone)} gives up its tasks",
        f"{worker_name(gone)} is gone from the swarm",
    ]
    assert warnings(bench) == []


def test_worker_that_the_swarm_has_lost_goes_before_one_that_works(bench: Bench) -> None:
    row = bay(bench, 3)
    bench.fakes.swarm.tasks = {worker_name("0"): 9}
    bench.fakes.swarm.lose(worker_name("0"))
    resize(bench, row, 2)
    assert workers_of(bench).keys() == {"1", "2"}
    assert worker_name("0") not in bench.fakes.swarm.listed


def test_worker_that_somebody_has_made_a_manager_goes_last(bench: Bench) -> None:
    row = bay(bench, 3)
    swarm = bench.fakes.swarm
    for member in ("1", "2"):
        swarm.promote(worker_name(member))
    swarm.tasks = {worker_name("0"): 9}
    resize(bench, row, 1)
    assert workers_of(bench).keys() == {"1"}
    assert swarm.listed.keys() == {MASTER_NAME, worker_name("1")}


def test_choice_is_kept_though_the_work_moves_meanwhile(bench: Bench) -> None:
    row = bay(bench, 2)
    swarm = bench.fakes.swarm
    swarm.tasks = {worker_name("1"): 4, worker_name("0"): 1}
    swarm.stubborn = {worker_name("0")}
    bench.database.write(lambda session: factories.add_resize(session, row, 1, rollback=False))
    (held,) = bench.leases.claim(1)
    assert bench.runner.begin(held) is Verdict.OVER  # it waits for the tasks, in nobody's hands
    assert swarm.is_drained(worker_name("0"))
    swarm.tasks = {worker_name("1"): 0, worker_name("0"): 1}
    bench.new_conductor()
    swarm.stubborn.clear()
    bench.skip_pauses()
    bench.work()
    assert workers_of(bench).keys() == {"1"}


def test_tasks_that_do_not_end_hold_the_update_up_for_so_long_and_no_longer(bench: Bench) -> None:
    bench.conf.set_override("drain_timeout", 0, group="conductor")
    row = bay(bench, 2)
    swarm = bench.fakes.swarm
    swarm.tasks = {worker_name("0"): 3, worker_name("1"): 2}
    swarm.stubborn = {worker_name("1")}
    resize(bench, row, 1)
    assert status(bench, row) == "UPDATE_COMPLETE"
    assert warnings(bench) == ["bay-node-1 goes with 2 tasks that have not ended in time"]


@pytest.mark.parametrize("call", SWARM_CALLS)
@pytest.mark.parametrize(
    "trouble",
    [
        AWAY,
        EngineFailed("The swarm does not have a leader"),
        errors.Unavailable("Barbican"),
        RuntimeError("secret"),
    ],
    ids=lambda trouble: type(trouble).__name__,
)
def test_managers_that_cannot_be_asked_hold_up_nothing(
    bench: Bench, call: str, trouble: Exception
) -> None:
    row = bay(bench, 3)
    bench.fakes.refuse(call, *[trouble] * 99)
    resize(bench, row, 2)
    assert status(bench, row) == "UPDATE_COMPLETE"
    assert len(workers_of(bench)) == 2
    assert warnings(bench)
    assert not any("secret" in text for text in warnings(bench))
    if call == "swarm nodes":
        assert warnings(bench)[0].startswith("Heat chooses which nodes go: ")
        assert sent(bench)["nodes_to_remove"] == []
        assert workers_of(bench).keys() == {"0", "1"}


def test_bay_whose_managers_answer_again_forgets_what_is_gone(bench: Bench) -> None:
    row = bay(bench, 3)
    bench.fakes.refuse("swarm nodes", AWAY)
    resize(bench, row, 2)
    assert bench.fakes.swarm.listed.keys() == {MASTER_NAME, worker_name("0"), worker_name("1")}


def test_new_workers_get_the_token_of_this_hour(bench: Bench) -> None:
    row = bay(bench, 1)
    assert bench.fakes.swarm.rotations == {"manager": 1, "worker": 1}
    resize(bench, row, 2)
    assert sent(bench)["worker_join_token"] == "SWMTKN-1-worker-1"
    assert bench.fakes.swarm.token("worker") == "SWMTKN-1-worker-2"
    resize(bench, row, 1)
    assert "worker_join_token" not in sent(bench)
    assert "SWMTKN" not in str([(event.text, event.resource) for event in bench.events()])
    assert "SWMTKN" not in str([each.progress for each in bench.operations()])


@pytest.mark.parametrize("call", ["swarm nodes", "swarm tasks", "swarm update"])
def test_managers_that_are_busy_for_some_seconds_are_asked_again(bench: Bench, call: str) -> None:
    row = bay(bench, 3)
    swarm = bench.fakes.swarm
    swarm.tasks = {worker_name("1"): 1, worker_name("2"): 1}
    bench.fakes.refuse(call, EngineSilent("busy"), EngineSilent("busy"))
    resize(bench, row, 2)
    assert workers_of(bench).keys() == {"1", "2"}
    resize(bench, row, 1)
    assert workers_of(bench).keys() == {"1"}
    assert swarm.tasks[worker_name("2")] == 0  # it was drained
    assert warnings(bench) == []


def test_token_is_asked_for_again_where_managers_are_busy(bench: Bench) -> None:
    row = bay(bench, 1)
    bench.fakes.refuse("swarm token", *[EngineSilent("busy")] * len(nodes.PAUSES))
    resize(bench, row, 2)
    assert sent(bench)["worker_join_token"] == "SWMTKN-1-worker-1"
    assert warnings(bench) == []
    bench.fakes.refuse("swarm token", *[EngineSilent("busy")] * 99)
    resize(bench, row, 3)
    assert "worker_join_token" not in sent(bench)
    assert warnings(bench)[0].startswith("New nodes are given the token of the bay's creation: ")


def test_busy_managers_are_asked_again_where_the_last_of_them_is_gone(bench: Bench) -> None:
    """Those that are left elect a leader."""
    row = bay(bench, 1)
    swarm = bench.fakes.swarm
    swarm.join("bay-master-0", "192.0.2.5", is_manager=True)
    (stack,) = bench.fakes.heat.living()
    both = {"master_addresses": [MANAGER_ADDRESS, "192.0.2.5"]}
    bench.fakes.heat.outputs_of[stack.id] = both
    resize(bench, row, 2)
    swarm.silent = {"192.0.2.5"}
    bench.fakes.refuse("swarm token", EngineFailed("The swarm does not have a leader"))
    resize(bench, row, 3)
    assert sent(bench)["worker_join_token"] == "SWMTKN-1-worker-2"
    assert warnings(bench) == []


def test_bay_grows_without_its_managers_and_says_what_that_may_mean(bench: Bench) -> None:
    row = bay(bench, 1)
    bench.fakes.refuse("swarm token", AWAY)
    resize(bench, row, 2)
    assert "worker_join_token" not in sent(bench)
    (told,) = warnings(bench)
    assert told.startswith("New nodes are given the token of the bay's creation: The Docker engine")


@pytest.fixture
def old_bay(bench: Bench) -> Cluster:
    """A bay whose stack was made by a release whose nodes knew one token for ever."""
    bench.fakes.heat.declared -= {"worker_join_token"}
    row = bay(bench, 1)
    (stack,) = bench.fakes.heat.living()
    bench.fakes.heat.outputs_of[stack.id] = {"workers": None}
    return row


def test_stack_that_takes_no_token_keeps_the_one_its_nodes_know(
    bench: Bench, old_bay: Cluster
) -> None:
    for count in (2, 3, 1):
        resize(bench, old_bay, count)
        assert status(bench, old_bay) == "UPDATE_COMPLETE"
        assert bench.fakes.swarm.token("worker") == "SWMTKN-1-worker-0"
        assert warnings(bench)[-1] == (
            "The tokens to join stay as they are: the bay's stack is of an earlier release and "
            "takes no other ones"
        )
    assert "swarm token" not in bench.fakes.calls  # no use in it


def test_stack_that_takes_no_token_keeps_it_when_an_update_fails(
    bench: Bench, old_bay: Cluster
) -> None:
    bench.fakes.heat.room = 1
    resize(bench, old_bay, 2)
    assert status(bench, old_bay) == "UPDATE_FAILED"
    assert bench.fakes.swarm.token("worker") == "SWMTKN-1-worker-0"


def test_worker_that_was_drained_and_stays_takes_tasks_again(bench: Bench) -> None:
    row = bay(bench, 2)
    bench.fakes.refuse("update stack", Rejected("Heat", 400, "no"))
    resize(bench, row, 1, rollback=True)
    assert status(bench, row) == "ROLLBACK_COMPLETE"
    assert len(workers_of(bench)) == 2
    swarm = bench.fakes.swarm
    assert not any(swarm.is_drained(name) for name in swarm.listed)
    assert not any(member.description["Labels"] for member in swarm.listed.values())
    assert "bay-node-1 stays and takes tasks again" in [event.text for event in bench.events()]


def test_rollback_removes_what_was_made_in_vain_and_nothing_else(bench: Bench) -> None:
    row = bay(bench, 2)
    before = workers_of(bench)
    (stack,) = bench.fakes.heat.living()
    bench.fakes.heat.room = 2
    bench.fakes.heat.workers[stack.id]["2"] = None  # Heat tried to make it
    resize(bench, row, 3, rollback=True)
    assert status(bench, row) == "ROLLBACK_COMPLETE"
    assert workers_of(bench) == before
    assert sent(bench)["nodes_to_remove"] == ["2"]


def test_update_waits_for_a_stack_that_is_still_being_changed(bench: Bench) -> None:
    row = bay(bench, 2)
    (stack,) = bench.fakes.heat.living()
    bench.fakes.heat.move(stack.id, "UPDATE_IN_PROGRESS")
    resize(bench, row, 1)
    assert status(bench, row) == "UPDATE_COMPLETE"


def test_stack_that_does_not_tell_its_workers_leaves_the_choice_to_heat(bench: Bench) -> None:
    row = bay(bench, 2)
    (stack,) = bench.fakes.heat.living()
    bench.fakes.heat.outputs_of[stack.id] = {"workers": None}
    resize(bench, row, 1)
    assert status(bench, row) == "UPDATE_COMPLETE"
    assert warnings(bench)[0].startswith("Heat chooses which nodes go")


def test_workers_are_not_forgotten_because_the_stack_does_not_tell_of_them(bench: Bench) -> None:
    row = bay(bench, 2)
    (stack,) = bench.fakes.heat.living()
    bench.database.write(lambda session: factories.add_resize(session, row, 1, rollback=False))
    (held,) = bench.leases.claim(1)
    assert bench.runner.begin(held) is Verdict.WAITING
    bench.fakes.heat.settle()
    bench.fakes.heat.outputs_of[stack.id] = {"workers": None}
    bench.runner.resume(bench.fakes.heat.stacks[stack.id], held)
    assert status(bench, row) == "UPDATE_COMPLETE"
    assert {worker_name("0"), worker_name("1")} & bench.fakes.swarm.listed.keys()
    assert any("the stack tells of no workers" in text for text in warnings(bench))


def test_node_that_joined_anew_counts_as_what_it_is_now() -> None:
    workers = [Worker(str(place), f"n{place}", f"id{place}") for place in range(2)]
    nodes = [
        SwarmNode("a", "n0", "ready"),
        SwarmNode("b", "n0", "down"),
        SwarmNode("c", "n1", "ready"),
    ]
    assert victims.least_work(workers, nodes, {"a": 1, "b": 7}, 1) == [workers[1]]
    assert victims.least_work(workers, nodes, {"c": 2, "b": 7}, 1) == [workers[0]]


def test_containers_that_are_no_tasks_count_where_their_engine_tells_of_them(bench: Bench) -> None:
    row = bay(bench, 3)
    swarm = bench.fakes.swarm
    swarm.tasks = {worker_name("0"): 1}
    swarm.containers = {worker_name("2"): 2, worker_name("1"): 5}
    swarm.silent = {worker_address("1")}  # known by its tasks alone
    resize(bench, row, 2)
    assert workers_of(bench).keys() == {"0", "2"}
    assert warnings(bench) == []


def test_another_manager_is_asked_where_the_first_is_none_any_more(bench: Bench) -> None:
    row = bay(bench, 1)
    bench.fakes.swarm.join("bay-master-0", "192.0.2.5", is_manager=True)
    (stack,) = bench.fakes.heat.living()
    bench.fakes.heat.outputs_of[stack.id] = {"master_addresses": ["192.0.2.4", "192.0.2.5"]}
    resize(bench, row, 2)
    bench.fakes.swarm.set(MASTER_NAME, role="worker")
    resize(bench, row, 3)
    assert warnings(bench) == []
    assert sent(bench)["worker_join_token"] == "SWMTKN-1-worker-2"


def test_another_manager_is_asked_when_the_first_is_gone(bench: Bench) -> None:
    row = bay(bench, 2)
    bench.fakes.swarm.join("bay-master-0", "192.0.2.5", is_manager=True)
    (stack,) = bench.fakes.heat.living()
    both = {"master_addresses": ["192.0.2.4", "192.0.2.5"]}
    bench.fakes.heat.outputs_of[stack.id] = both
    resize(bench, row, 3)
    bench.fakes.swarm.silent = {"192.0.2.4"}
    resize(bench, row, 2)
    assert warnings(bench) == []
    assert bench.fakes.swarm.listed.keys() >= {"bay-master-0", worker_name("0"), worker_name("1")}


def test_managers_that_do_not_answer_are_waited_for_once_a_pass(bench: Bench) -> None:
    row = bay(bench, 2)
    bench.fakes.swarm.silent = {MANAGER_ADDRESS}
    before = sum(call.startswith("swarm") for call in bench.fakes.calls)
    resize(bench, row, 1)
    after = sum(call.startswith("swarm") for call in bench.fakes.calls)
    assert after - before == 2  # before Heat, and after it
    assert len(warnings(bench)) == 3


def test_managers_are_known_by_the_authority_of_the_bay(bench: Bench) -> None:
    row = bay(bench, 1)
    trusted = bench.fakes.swarm.trusted[-1]
    assert trusted.authority == bench.fakes.store.bundles[ca_name(row.uuid)].certificate_pem
    ours = bench.fakes.store.bundles[conductor_name(row.uuid)]
    assert (trusted.certificate, trusted.private_key) == (
        ours.certificate_pem,
        ours.private_key_pem,
    )
