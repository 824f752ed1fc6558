# SPDX-License-Identifier: Apache-2.0
"""The runner of real nodes: what it makes of what Nova's and Neutron's drivers tell."""

import dataclasses
import json
import pathlib
import time
from typing import Any

import pytest

from minicloud import settings
from minicloud.real_nodes import machine, runner as runner_module, servers
from minicloud.real_nodes.picture import Picture, Port, Subnet
from minicloud.real_nodes.places import Places
from minicloud.real_nodes.runner import Runner
from minicloud.real_nodes.servers import Server

SERVER = Server("server-1", "bay-master", 512)


class FakeFabric:
    def __init__(self) -> None:
        self.made: list[set[str]] = []

    def make(self, picture: Picture, servers: set[str]) -> None:
        self.made.append(servers)


class FakeNeutron:
    def __init__(self) -> None:
        self.picture = Picture()
        self.broken = False
        self.questions = 0

    def read(self, servers: set[str]) -> Picture:
        if self.broken:
            raise OSError("nobody answers")
        self.questions += 1
        return self.picture


class FakeServices:
    def __init__(self, places: Places, network: str, answer: object) -> None:
        self.network, self.ended = network, False

    def follow(self, picture: Picture, network: str) -> None:
        assert network == self.network

    def end(self) -> None:
        self.ended = True


class FakeMachine:
    """Is in one of a few states, which the class keeps for all nodes."""

    state: dict[str, str]
    disks: dict[str, dict[str, str]]

    def __init__(self, places: Places, server: str) -> None:
        self.server = server

    @property
    def runs(self) -> bool:
        return self.state.get(self.server) == "runs"

    def was_started(self, server: Server) -> bool:
        return self.server in self.state

    def is_plugged(self, server: Server) -> bool:
        return self.disks.get(self.server, {}) == server.volumes

    def start(self, server: Server) -> None:
        self.state[self.server] = "runs"
        self.plug(server)

    def plug(self, server: Server) -> None:
        self.disks[self.server] = server.volumes

    def remove(self) -> None:
        del self.state[self.server]


@pytest.fixture
def places(tmp_path: pathlib.Path) -> Places:
    return Places(settings.resolve(tmp_path, {}))


@pytest.fixture
def runner(places: Places, monkeypatch: pytest.MonkeyPatch) -> Any:
    FakeMachine.state, FakeMachine.disks = {}, {}
    monkeypatch.setattr(runner_module, "Machine", FakeMachine)
    monkeypatch.setattr(machine, "present", lambda places: set(FakeMachine.state))
    fakes: list[Any] = [FakeFabric(), FakeNeutron(), FakeServices]
    return Runner(places, *fakes)


def settle(runner: Any) -> None:
    """Look once, and wait for what that began."""
    runner.look()
    for job in runner._busy.values():
        job.result(10)


def test_runner_boots_a_server_and_removes_it_with_its_network(runner: Any, places: Places) -> None:
    port = Port("p", "net", "fa:16:3e:00:00:01", (("sub", "10.0.0.5"),), SERVER.id, "compute:nova")
    subnet = Subnet("sub", "net", "10.0.0.0/24", "10.0.0.1")
    runner._neutron.picture = Picture(ports=(port,), subnets=(subnet,))
    servers.save(places.servers, SERVER)
    settle(runner)

    assert FakeMachine.state == {"server-1": "runs"}
    assert json.loads(runner._answer("net", "10.0.0.5", "/openstack/latest/vendor_data.json")) == {}
    assert runner._answer("net", "10.0.0.6", "/openstack") is None
    services = runner._services["net"]

    servers.forget(places.servers, SERVER.id)
    settle(runner)

    assert FakeMachine.state == {}
    assert services.ended
    assert runner._fabric.made == [{"server-1"}, set()]


def test_runner_brings_a_volume_to_a_node_that_runs(runner: Any, places: Places) -> None:
    FakeMachine.state = {SERVER.id: "runs"}
    servers.save(places.servers, SERVER)
    settle(runner)
    assert FakeMachine.disks == {}

    servers.attach(places.servers, SERVER.id, "one", "/volumes/one")
    settle(runner)

    assert FakeMachine.disks == {SERVER.id: {"one": "/volumes/one"}}


def test_runner_asks_neutron_again_when_it_told_a_change(
    runner: Any, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    servers.save(places.servers, SERVER)
    runner.look()
    clock = 2.0
    runner.look()
    assert runner._neutron.questions == 1

    places.network_changes.parent.mkdir(parents=True)
    places.network_changes.touch()
    runner.look()
    assert runner._neutron.questions == 2
    runner.look()
    clock = 4.0
    runner.look()
    assert runner._neutron.questions == 2
    clock = 60.0  # a change may have been told to nobody
    runner.look()

    assert runner._neutron.questions == 3


def test_runner_leaves_servers_for_the_stand_in_alone(runner: Any, places: Places) -> None:
    runner._neutron.broken = True
    servers.save(places.servers, dataclasses.replace(SERVER, root=servers.STAND_IN))

    settle(runner)

    assert FakeMachine.state == {}


def test_runner_boots_no_server_without_ports(runner: Any, places: Places) -> None:
    servers.save(places.servers, SERVER)

    settle(runner)

    assert FakeMachine.state == {}


def test_runner_with_nothing_to_do_asks_nobody(runner: Any, places: Places) -> None:
    places.servers.mkdir(parents=True)
    runner._neutron.broken = True

    settle(runner)

    assert runner._fabric.made == []


def test_trouble_is_told_once_until_it_is_over(runner: Any, capsys: pytest.CaptureFixture) -> None:
    def fail() -> None:
        raise OSError("no")

    for act in (fail, fail, lambda: None, fail):
        runner._guarded("look", act)

    assert capsys.readouterr().out.count("look: OSError: no") == 2
