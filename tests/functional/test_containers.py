# SPDX-License-Identifier: Apache-2.0
"""Containers on a bay whose nodes boot, with the client of 2016: python-magnumclient 2.1.0.

What needs no cloud, only engines, is tried in ``tests/engines``, and there in all detail.
"""

import concurrent.futures
import pathlib
import shutil
import time
from collections.abc import Iterator

import pytest

from deployment import installation
from deployment.client import Client, ClientFailed
from deployment.cloud import Cloud, User
from deployment.service import Deployment, wrapped_with
from deployment.sessions import Reply
from magnum.conductor.containers.located import FRESH_SECONDS
from tests.functional.bays import Bays
from tests.functional.conftest import CLIENTS
from tests.functional.containers import PATIENCE, Containers, until
from tests.functional.real_nodes import RealNodes
from tests.functional.shell import Open, follow

BAY = "bay"  # as the user's guide calls it


@pytest.fixture(scope="module")
def bay(
    real: RealNodes,
    deployment: Deployment,
    demo: User,
    bays: Bays,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Containers]:
    """A bay of a manager and two workers, which takes its containers with it in the end."""
    old, newer = (
        Client(installation.client(version), deployment.cloud, demo) for version in CLIENTS
    )
    made = bays.create(bays.create_model(**real.model), name=BAY, node_count=2)
    left = ""
    try:
        real.wait_for(bays, made, "CREATE_COMPLETE")
        options = real.docker_options(newer, BAY, tmp_path_factory.mktemp(BAY))
        found = Containers(old, bays, real, BAY, options)
        yield found
        left = found.running()
    finally:
        bays.delete(made)
        bays.wait_until_gone(made)
    assert left not in old.run("container-list")
    assert bays.send("GET", f"/containers/{left}").status == 404


@pytest.fixture
def containers(bay: Containers) -> Iterator[Containers]:
    """The bay, which has no containers before and after, and all its nodes before."""
    bay.wait_for_nodes()
    yield bay
    bay.clear()


def test_container_lives_by_the_commands_of_2016(containers: Containers) -> None:
    made = containers.create("--name", "web", "--memory", "64m")
    uuid = made["uuid"]
    assert (made["status"], made["memory"], made["name"]) == ("Stopped", "64m", "web")
    assert containers.statuses() == {uuid: "Stopped"}
    for verb, status in (
        ("start", "Running"),
        ("pause", "Paused"),
        ("unpause", "Running"),
        ("reboot", "Running"),
    ):
        containers.act(verb, "web")
        assert containers.show("web")["status"] == status, verb
    assert containers.magnum.run("container-exec", "web", "--command", "hostname").strip() == uuid
    assert containers.magnum.run("container-logs", "web").split() == ["begun", "begun"]
    containers.act("stop", "web")
    assert containers.statuses() == {uuid: "Stopped"}
    containers.act("delete", "web")
    assert containers.statuses() == {}
    assert containers.copies(uuid) == {}


def test_container_is_known_to_docker_by_its_hostname_and_bounded(containers: Containers) -> None:
    made = containers.create("--memory", "64m")
    uuid, host = made["uuid"], made["host"]

    shown = containers.docker(
        host, "inspect", "--format", "{{.Config.Hostname}} {{.HostConfig.Memory}}", uuid
    )

    assert shown == f"{uuid} {64 << 20}"


def test_memory_that_no_node_has_is_refused(containers: Containers) -> None:
    with pytest.raises(ClientFailed, match=r"memory.*HTTP 400"):
        containers.create("--memory", "64t")
    assert containers.statuses() == {}


def test_image_that_is_missing_is_told_in_the_words_of_its_registry(
    containers: Containers,
) -> None:
    with pytest.raises(ClientFailed, match=r"manifest unknown.*HTTP 404"):
        containers.create("--name", "none", image=f"{containers.image}-that-is-not-there")
    shown = containers.show("none")
    assert shown["status"] == "Error"
    assert "manifest unknown" in shown["status_reason"]


def test_command_in_a_stopped_container_is_a_conflict(containers: Containers) -> None:
    containers.create("--name", "still")
    with pytest.raises(ClientFailed, match=r"HTTP 409"):
        containers.magnum.run("container-exec", "still", "--command", "true")


def test_container_of_another_project_is_not_there(containers: Containers, cloud: Cloud) -> None:
    uuid = containers.create()["uuid"]
    stranger = Client(installation.client(CLIENTS[0]), cloud, cloud.user("alt"))

    assert uuid not in stranger.run("container-list")
    for words in (("show", uuid), ("logs", uuid), ("exec", uuid, "--command", "true")):
        with pytest.raises(ClientFailed, match="HTTP 404"):
            stranger.run(f"container-{words[0]}", *words[1:])
    assert "HTTP 404" in stranger.run("container-delete", uuid)
    assert containers.statuses() == {uuid: "Stopped"}


def test_what_docker_changes_itself_is_seen(containers: Containers) -> None:
    uuid = containers.running()
    host = containers.show(uuid)["host"]

    containers.docker(host, "pause", uuid)
    assert containers.statuses() == {uuid: "Paused"}
    containers.docker(host, "unpause", uuid)
    assert containers.show(uuid)["status"] == "Running"
    containers.docker(host, "rm", "--force", uuid)
    shown = containers.show(uuid)
    assert shown["status"] == "Error"
    assert "it was removed there" in shown["status_reason"]
    containers.act("delete", uuid)
    assert containers.statuses() == {}


def test_drained_node_gets_no_container(containers: Containers) -> None:
    first = containers.create()
    name, _ = containers.node_of(first["uuid"])
    update = ("node", "update", "--availability")
    containers.docker(containers.manager, *update, "drain", name)
    time.sleep(FRESH_SECONDS)  # what was seen of the swarm before serves so long
    try:
        hosts = {containers.create()["host"] for _ in range(3)}
    finally:
        containers.docker(containers.manager, *update, "active", name)
    workers = set(containers.bays.show(BAY).body["node_addresses"])
    assert hosts == workers - {first["host"]}
    containers.bays.wait_for_event(BAY, "It gets no new containers: it is drained.", 5)


@pytest.fixture
def resting(deployment: Deployment, modules: pathlib.Path) -> Iterator[None]:
    """The deployment's own conductors do nothing, until the test is over."""
    conductors = [each for each in deployment.processes if "conductor" in each.name]
    for process in conductors:
        process.stop()
        deployment.processes.remove(process)
    yield
    for process in conductors:
        deployment.start_conductor(process.name, wrapped_with("wrapper.py", str(modules)))


@pytest.mark.usefixtures("resting")
def test_conductor_that_dies_while_it_makes_a_container_leaves_one(
    containers: Containers, deployment: Deployment
) -> None:
    options = {"conductor": {"lease_seconds": "2", "sweep_interval": "1"}}
    killer = wrapped_with("killer.py", "container:1")
    doomed = deployment.start_conductor("doomed", killer, options)
    try:
        made = containers.create()
        assert not doomed.running
    finally:
        doomed.stop()
        deployment.processes.remove(doomed)
    assert made["status"] == "Unknown"
    survivor = deployment.start_conductor("survivor", (), options)
    try:
        uuid = made["uuid"]
        until(lambda: containers.statuses() == {uuid: "Stopped"}, "the container is made")
        containers.act("start", uuid)
        assert containers.statuses() == {uuid: "Running"}
        assert len(containers.copies(uuid)) == 1
        containers.clear()
    finally:
        survivor.stop()
        deployment.processes.remove(survivor)


def _timed(containers: Containers, uuid: str) -> tuple[Reply, float]:
    """Show a container; return also the seconds that took."""
    began = time.monotonic()
    return containers.bays.send("GET", f"/containers/{uuid}"), time.monotonic() - began


def test_engine_that_hangs_is_told_in_time_and_keeps_nobody_waiting(containers: Containers) -> None:
    hung, other = containers.running("--name", "hung"), containers.running()
    name, node = containers.node_of(hung)
    assert containers.node_of(other)[0] != name
    with concurrent.futures.ThreadPoolExecutor() as pool, containers.hanging(node):
        waits = pool.submit(_timed, containers, hung)
        reply, seconds = _timed(containers, other)
        assert reply.body["status"] == "Running"
        late, its_seconds = waits.result()
        assert late.status == 504
        assert "does not answer in time" in late.body["errors"][0]["detail"]
        assert seconds < its_seconds < PATIENCE
        with pytest.raises(ClientFailed, match=r"does not answer in time.*HTTP 504"):
            containers.act("stop", "hung")
        assert containers.statuses() == {hung: "Unknown", other: "Running"}
    containers.wait_for_nodes()
    assert containers.statuses() == {hung: "Running", other: "Running"}


def test_container_goes_with_its_node(containers: Containers) -> None:
    """A node that is off may come back, one that has left the swarm will not."""
    lost = containers.running("--name", "lost")
    name, node = containers.node_of(lost)
    action, session = f"/servers/{node.server}/action", containers.bays.session
    session.call("POST", "compute", action, {"os-stop": None})
    try:
        until(lambda: not node.runs, "the server is off")
        assert containers.statuses() == {lost: "Unknown"}
        with pytest.raises(ClientFailed, match="HTTP 504"):
            containers.show("lost")
        containers.docker(containers.manager, "node", "rm", "--force", name)
        # What is known of a swarm serves for a second.
        until(lambda: containers.statuses() == {lost: "Error"}, "the loss is noticed", 10)
        shown = containers.show("lost")
        assert shown["status"] == "Error"
        assert "Its node has left the bay" in shown["status_reason"]
        containers.act("delete", "lost")
        assert containers.statuses() == {}
    finally:
        # It would long try to get back as who it was.
        shutil.rmtree(node.folder / "docker" / "swarm")
        session.call("POST", "compute", action, {"os-start": None})
        containers.join(name, node)
        # What was deleted while nobody could reach it is there still, and has its name.
        containers.real.run(node, "docker rm --force lost")


def test_node_that_was_off_shows_what_became_of_its_containers(containers: Containers) -> None:
    uuid = containers.running()
    _, node = containers.node_of(uuid)
    action, session = f"/servers/{node.server}/action", containers.bays.session
    session.call("POST", "compute", action, {"os-stop": None})
    until(lambda: not node.runs, "the server is off")
    session.call("POST", "compute", action, {"os-start": None})
    until(lambda: containers.statuses() == {uuid: "Stopped"}, "the engine answers", 2 * PATIENCE)
    containers.act("start", uuid)
    assert containers.show(uuid)["status"] == "Running"


def test_containers_are_used_as_the_users_guide_tells(
    containers: Containers, open_shell: Open, demo: User
) -> None:
    shell = open_shell(demo, CLIENTS[0], {"IMAGE": containers.image})
    follow("user/containers.rst", shell)
    assert containers.statuses() == {}
