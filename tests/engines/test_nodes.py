# SPDX-License-Identifier: Apache-2.0
"""Nodes of a real swarm: how they leave it, what joins, and what a look at them finds."""

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import docker
import pytest
from docker.types import ContainerSpec, Placement, ServiceMode, TaskTemplate
from oslo_config import cfg
from sqlalchemy import update

from magnum.conductor.health import HealthChecks
from magnum.conductor.leases import Leases
from magnum.conductor.runner import Runner, Verdict
from magnum.conductor.swarm import Swarm as Managers, SwarmNode
from magnum.db import repository
from magnum.db.models import Cluster, NodeGroup
from magnum.db.session import Database
from magnum.heat.stacks import Stack
from tests import factories
from tests.engines.bay import Bay
from tests.engines.daemon import Daemon
from tests.engines.registry import IMAGE
from tests.engines.swarm import Swarm
from tests.fakes.cloud import MOMENT


def row(bay: Bay) -> Cluster:
    found = bay.database.read(lambda session: repository.by_uuid(session, Cluster, bay.uuid))
    assert found is not None
    return found


@pytest.fixture
def managers(bay: Bay) -> Managers:
    """The bay's managers as a step sees them."""
    return Managers(bay.cloud, row(bay))


def until(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.2)


def node_of(managers: Managers, daemon: Daemon) -> SwarmNode:
    (node,) = (node for node in managers.nodes() if node.name == daemon.name)
    return node


@contextlib.contextmanager
def service(swarm: Swarm, replicas: int, where: str = "node.role==worker") -> Iterator[None]:
    """Run tasks on the workers, or where it is said, while the block runs."""
    with contextlib.closing(swarm.manager.local()) as client:
        spec = ContainerSpec(IMAGE, command=["sleep", "1000"], stop_grace_period=1_000_000_000)
        placed = Placement(constraints=[where])
        mode = ServiceMode("replicated", replicas)
        made = client.create_service(TaskTemplate(spec, placement=placed), mode=mode)
        try:
            yield
        finally:
            client.remove_service(made["ID"])


def look(bay: Bay) -> tuple[str | None, dict[str, str] | None]:
    bay.change(health_due=0.0)
    checks = HealthChecks(bay.cloud)
    for one in checks._claim(1):
        checks.look(one)
    checks.stop()
    seen = row(bay)
    return seen.health_status, seen.health_status_reason


def join(daemon: Daemon, manager: Daemon, token: str) -> None:
    with contextlib.closing(daemon.local()) as client:
        client.join_swarm(
            [f"{manager.address}:2377"],
            token,
            advertise_addr=daemon.address,
            listen_addr=f"{daemon.address}:2377",
        )


def leave(daemon: Daemon) -> None:
    with contextlib.closing(daemon.local()) as client:
        client.leave_swarm(force=True)


def test_node_that_is_to_go_gives_up_its_tasks_and_takes_them_again_if_it_stays(
    bay: Bay, swarm: Swarm, managers: Managers
) -> None:
    going, staying = swarm.workers
    with service(swarm, 2):
        until(lambda: managers.tasks().get(node_of(managers, going).id) == 1)
        managers.drain(node_of(managers, going).id)
        until(lambda: not managers.tasks().get(node_of(managers, going).id))
        until(lambda: managers.tasks().get(node_of(managers, staying).id) == 2)
        assert node_of(managers, going).is_leaving
        assert not node_of(managers, staying).is_leaving
        managers.drain(node_of(managers, going).id)  # again, as after a death
        managers.activate(node_of(managers, going).id)
        assert not node_of(managers, going).is_leaving
    with service(swarm, 2):
        until(lambda: managers.tasks().get(node_of(managers, going).id) == 1)
    until(lambda: not managers.tasks())


def test_work_counts_containers_that_are_no_tasks(
    bay: Bay, swarm: Swarm, managers: Managers
) -> None:
    container = bay.create()
    bay.call("start", container)
    busy = bay.daemon_of(container)
    assert busy in swarm.workers  # or the next line tries nothing
    assert managers.work() == {node_of(managers, each).id: each is busy for each in swarm.workers}
    assert managers.tasks() == {}


def test_node_that_dies_is_told_and_forgotten_and_old_tokens_let_nobody_in(
    bay: Bay, swarm: Swarm, managers: Managers
) -> None:
    lost = swarm.workers[-1]
    bay.database.write(
        lambda session: session.execute(
            update(NodeGroup)
            .where(NodeGroup.role == "worker")
            .values(node_count=len(swarm.workers))
        )
    )
    assert look(bay)[0] == "HEALTHY"
    began = time.monotonic()
    lost.kill()
    until(lambda: look(bay)[0] == "UNHEALTHY")
    assert time.monotonic() - began < 30  # with the default interval, within a minute
    assert (look(bay)[1] or {})[f"{lost.name}.Ready"] == "False"
    lost.start()
    until(lambda: node_of(managers, lost).is_ready)
    stolen = managers.worker_token()
    managers.forget(node_of(managers, lost).id)  # though it is not down
    managers.forget("gone")
    assert lost.name not in {node.name for node in managers.nodes()}
    managers.rotate_tokens()
    leave(lost)
    with pytest.raises(docker.errors.APIError, match=r"join token|invalid"):
        join(lost, swarm.manager, stolen)
    join(lost, swarm.manager, managers.worker_token())
    until(lambda: node_of(managers, lost).is_ready)
    assert look(bay)[0] == "HEALTHY"


def outputs(
    swarm: Swarm, servers: Mapping[str, str], workers: Mapping[str, Daemon]
) -> dict[str, Any]:
    """Return what the stack tells of a bay that has these workers."""
    return {
        "api_address": swarm.manager.address,
        "master_addresses": [swarm.manager.address],
        "node_addresses": [daemon.address for daemon in workers.values()],
        "workers": {
            "names": {member: daemon.name for member, daemon in workers.items()},
            "servers": {member: servers[member] for member in workers},
        },
    }


def test_shrinking_takes_the_node_with_the_least_to_do(
    bay: Bay, swarm: Swarm, managers: Managers
) -> None:
    going, staying = swarm.workers  # Heat alone would take the last one
    stacks: Any = bay.cloud.stacks("")
    heat = stacks._heat
    heat.stacks["stack"] = Stack("stack", "bay", "UPDATE_COMPLETE", "", MOMENT)
    servers = {"0": str(uuid.uuid4()), "1": str(uuid.uuid4())}

    heat.outputs_of["stack"] = outputs(swarm, servers, {"0": going, "1": staying})
    bay.change(stack_id="stack")
    bay.database.write(lambda session: factories.add_resize(session, row(bay), 1, rollback=False))
    leases = Leases(bay.database, "conductor", 20.0)
    runner = Runner(bay.cloud, leases)
    with service(swarm, 1, f"node.hostname=={staying.name}"):
        until(lambda: managers.tasks().get(node_of(managers, staying).id) == 1)
        stolen = managers.worker_token()
        (held,) = leases.claim(1)
        assert runner.begin(held) is Verdict.WAITING
        assert heat.parameters["stack"]["nodes_to_remove"] == [servers["0"]]
        going.kill()
        heat.outputs_of["stack"] = outputs(swarm, servers, {"1": staying})
        heat.move("stack", "UPDATE_COMPLETE")
        assert runner.resume(heat.stacks["stack"], held) is Verdict.OVER
        assert row(bay).status == "UPDATE_COMPLETE"
        names = {node.name for node in managers.nodes()}
        assert names == {swarm.manager.name, staying.name}
        assert managers.tasks() == {node_of(managers, staying).id: 1}
    assert managers.worker_token() != stolen
    going.start()  # for the tests that follow
    leave(going)
    join(going, swarm.manager, managers.worker_token())
    until(lambda: node_of(managers, going).is_ready)


def test_manager_that_hangs_holds_a_look_up_for_some_seconds(bay: Bay, swarm: Swarm) -> None:
    with swarm.manager.hanging():
        began = time.monotonic()
        status, reason = look(bay)
        assert time.monotonic() - began < 10
    assert status == "UNKNOWN"
    assert "does not answer in time" in (reason or {})["api"]


def test_manager_of_another_authority_is_not_believed(
    conf: cfg.ConfigOpts, database: Database, bay: Bay
) -> None:
    from tests.engines.authority import Authority

    bay.store.update({"ca": Authority().ca})
    status, reason = look(bay)
    assert status == "UNHEALTHY"
    assert "do not trust each other" in (reason or {})["api"]
