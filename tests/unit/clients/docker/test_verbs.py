# SPDX-License-Identifier: Apache-2.0
"""What one engine is asked for, over a transport that answers as docker does."""

import json
import math
import threading
from collections.abc import Mapping
from typing import Any

import pytest
import requests
from docker.constants import DEFAULT_DOCKER_API_VERSION

from magnum.clients.docker import connection
from magnum.clients.docker.engine import Engine
from magnum.clients.docker.errors import (
    EngineConflict,
    EngineFailed,
    EngineRejects,
    EngineSilent,
    ImageMissing,
)
from magnum.clients.docker.transport import Client
from magnum.core.container import parse_image

URL = "http://10.0.0.5:2376"


class Transport:
    """Answers by method and path, without the version.

    :ivar asked: every request: method, path with version, and body.
    """

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {}
        self.asked: list[tuple[str, str, Any]] = []
        self.say_version("1.41")

    def say_version(self, newest: str, oldest: str = "1.12") -> None:
        """Have the engine speak some versions of the API."""
        self.answers["GET /version"] = (200, {"ApiVersion": newest, "MinAPIVersion": oldest})

    def send(self, request: requests.PreparedRequest, **_options: Any) -> requests.Response:
        """Take the place of an adapter of requests."""
        path = str(request.path_url)
        body = json.loads(request.body) if request.body else None
        self.asked.append((str(request.method), path, body))
        plain = path.partition("?")[0]
        if plain.startswith("/v1."):
            plain = plain[plain.index("/", 1) :]
        status, content = self.answers[f"{request.method} {plain}"]
        response = requests.Response()
        response.status_code = status
        response._content = json.dumps(content).encode()
        response.request, response.url = request, URL
        return response

    def close(self) -> None:
        pass


@pytest.fixture
def transport() -> Transport:
    return Transport()


@pytest.fixture
def engine(transport: Transport) -> Engine:
    client = Client(URL, None, 2)
    client.mount("http://", transport)
    return Engine("10.0.0.5:2376", client, 5.0, 2)


def node(**spec: Any) -> Mapping[str, Any]:
    return {
        "ID": "n1",
        "Version": {"Index": 7},
        "Spec": {"Role": "worker", "Availability": "active", "Labels": {"a": "b"}, **spec},
        "Description": {"Hostname": "h", "Resources": {"MemoryBytes": 5, "NanoCPUs": 2 * 10**9}},
        "Status": {"State": "ready", "Addr": "192.168.0.5"},
    }


@pytest.mark.parametrize(
    ("newest", "oldest", "spoken"),
    [
        ("1.24", "1.12", "1.24"),
        ("1.41", "1.12", "1.41"),
        ("1.99", "1.24", DEFAULT_DOCKER_API_VERSION),
        ("1.99", "1.90", "1.90"),
    ],
)
def test_version_is_the_newest_that_both_know(
    engine: Engine, transport: Transport, newest: str, oldest: str, spoken: str
) -> None:
    transport.say_version(newest, oldest)
    transport.answers["GET /nodes"] = (200, [])
    engine.nodes()
    engine.nodes()
    paths = [path for _, path, _ in transport.asked]
    assert paths == ["/version", f"/v{spoken}/nodes", f"/v{spoken}/nodes"]


def test_engine_that_is_too_old_is_told(engine: Engine, transport: Transport) -> None:
    transport.say_version("1.20")
    with pytest.raises(EngineFailed, match="too old"):
        engine.nodes()


def test_engine_that_was_exchanged_is_asked_for_its_version_again(
    engine: Engine, transport: Transport
) -> None:
    words = {"message": "client version 1.41 is too new. Maximum supported API version is 1.39"}
    transport.answers["GET /nodes"] = (400, words)
    with pytest.raises(EngineRejects):
        engine.nodes()
    transport.say_version("1.39")
    transport.answers["GET /nodes"] = (200, [])
    engine.nodes()
    assert transport.asked[-1][1] == "/v1.39/nodes"


@pytest.mark.parametrize("nonsense", [None, {}, {"ApiVersion": "x"}, {"ApiVersion": None}, []])
def test_version_that_makes_no_sense_is_told(
    engine: Engine, transport: Transport, nonsense: Any
) -> None:
    transport.answers["GET /version"] = (200, nonsense)
    with pytest.raises(EngineFailed, match="makes no sense"):
        engine.nodes()


@pytest.mark.parametrize(
    "nonsense",
    [
        ["x"],
        [None],
        [{"Id": "x", "State": "running", "Labels": ["x"]}],
        [{"Id": "x", "State": "running", "Labels": 5}],
        [{"Id": "x", "State": "exited", "Status": f"Exited ({'9' * 5000})"}],
        {"a": 1},
        5,
    ],
)
def test_list_of_containers_that_makes_no_sense_is_told(
    engine: Engine, transport: Transport, nonsense: Any
) -> None:
    transport.answers["GET /containers/json"] = (200, nonsense)
    with pytest.raises(EngineFailed, match="makes no sense"):
        engine.containers()


MACHINE = {"Name": "n", "ServerVersion": "20", "MemTotal": 1 << 30, "NCPU": 1}


def test_machine_without_bounds_is_told(engine: Engine, transport: Transport) -> None:
    transport.answers["GET /info"] = (200, {**MACHINE, "MemTotal": math.inf})
    transport.answers["GET /containers/json"] = (200, [])
    with pytest.raises(EngineFailed, match="makes no sense"):
        engine.info()


def test_containers_that_run_are_those_it_lists(engine: Engine, transport: Transport) -> None:
    transport.answers["GET /info"] = (200, {**MACHINE, "ContainersRunning": 7})
    transport.answers["GET /containers/json"] = (200, [{"Id": "a"}, {"Id": "b"}])
    assert engine.info().running == 2
    (listed,) = (path for _, path, _ in transport.asked if "/containers/json" in path)
    assert "all=0" in listed


def test_calls_beyond_the_bound_wait_only_a_moment(
    engine: Engine, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "QUEUE_SECONDS", 0.05)
    transport.answers["GET /nodes"] = (200, [])
    hang, inside = threading.Event(), threading.Semaphore(0)

    def busy() -> None:
        with engine.calling():
            inside.release()
            hang.wait(10)

    threads = [threading.Thread(target=busy) for _ in range(2)]
    for thread in threads:
        thread.start()
        assert inside.acquire(timeout=5)
    with pytest.raises(EngineSilent, match="too much waits"):
        engine.nodes()
    hang.set()
    for thread in threads:
        thread.join()
    assert engine.nodes() == []


def test_member_is_read(engine: Engine, transport: Transport) -> None:
    manager = {**node(Role="manager"), "ManagerStatus": {"Leader": True, "Reachability": "x"}}
    transport.answers["GET /nodes"] = (200, [node(), manager])
    worker, leader = engine.nodes()
    assert (worker.id, worker.hostname, worker.address) == ("n1", "h", "192.168.0.5")
    assert (worker.memory, worker.cpus, worker.is_usable) == (5, 2.0, True)
    assert (worker.is_leader, worker.is_reachable) == (False, None)
    assert (leader.is_leader, leader.is_reachable) == (True, False)


def test_change_of_a_member_repeats_what_stays(engine: Engine, transport: Transport) -> None:
    transport.answers["GET /nodes/n1"] = (200, node())
    transport.answers["POST /nodes/n1/update"] = (200, None)
    engine.node_update("n1", availability="drain")
    method, path, body = transport.asked[-1]
    assert (method, path) == ("POST", "/v1.41/nodes/n1/update?version=7")
    assert body == {"Role": "worker", "Availability": "drain", "Labels": {"a": "b"}}
    engine.node_update("n1", availability="active", role="worker")
    assert transport.asked[-1][0] == "GET"  # it is so already


def test_member_that_is_not_down_is_not_forgotten(engine: Engine, transport: Transport) -> None:
    words = {"message": "rpc error: code = FailedPrecondition desc = node n1 is not down"}
    transport.answers["DELETE /nodes/n1"] = (400, words)
    with pytest.raises(EngineConflict, match="is not down"):
        engine.remove_node("n1")


def test_token_is_made_anew_and_the_rest_stays(engine: Engine, transport: Transport) -> None:
    swarm = {
        "Version": {"Index": 9},
        "Spec": {"Name": "default"},
        "JoinTokens": {"Worker": "w", "Manager": "m"},
    }
    transport.answers["GET /swarm"] = (200, swarm)
    transport.answers["POST /swarm/update"] = (200, None)
    assert engine.join_token("manager") == "m"
    assert engine.rotate_join_token("worker") == "w"
    (update,) = [each for each in transport.asked if each[0] == "POST"]
    assert "rotateWorkerToken=True" in update[1]
    assert "rotateManagerToken=False" in update[1]
    assert "version=9" in update[1]
    assert update[2] == {"Name": "default"}


def test_tasks_that_are_over_are_left_out(engine: Engine, transport: Transport) -> None:
    states = ("running", "shutdown", "preparing", "failed", "complete")
    tasks = [{"ID": state, "NodeID": "n1", "Status": {"State": state}} for state in states]
    transport.answers["GET /tasks"] = (200, tasks)
    assert [task.id for task in engine.running_tasks("n1")] == ["running", "preparing"]


@pytest.mark.parametrize(
    "words",
    ["manifest for x:1 not found: manifest unknown", "pull access denied for x", "does not exist"],
)
def test_image_that_is_missing_is_told_by_its_registry(
    engine: Engine, transport: Transport, words: str
) -> None:
    transport.answers["GET /_ping"] = (200, "OK")
    transport.answers["POST /images/create"] = (404, {"message": words})
    with pytest.raises(ImageMissing, match=words):
        engine.pull(parse_image("x:1"), 5)
