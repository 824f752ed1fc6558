# SPDX-License-Identifier: Apache-2.0
"""Containers on a bay of real nodes: as the old client shows them, and as its engines do."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from deployment.client import Client, ClientFailed, rows, table
from minicloud.real_nodes.machine import Machine
from tests.functional.bays import SERVICE, Bays
from tests.functional.real_nodes import RealNodes

# What ends when it is told to; a shell that is number 1 does not hear of it by itself.
WAITS = "sh -c \"trap 'exit 0' TERM; echo begun; sleep 1000 & wait\""
PATIENCE = 60  # seconds until a node, or its engine, is back on two busy cores


class Containers:
    """Those of one bay.

    :param magnum: client 2.1.0, as the user of the bay.
    :param bays: the same user's, for what is not the client's part.
    :param docker_options: by which Docker's client is let in by the engines.
    """

    def __init__(
        self, magnum: Client, bays: Bays, real: RealNodes, bay: str, docker_options: tuple[str, ...]
    ) -> None:
        self.magnum = magnum
        self.bays = bays
        self.bay = bay
        self.real = real
        self.image = real.image
        self._docker_options = docker_options

    def create(self, *words: str, image: str = "", command: str = WAITS) -> dict[str, str]:
        """Make one by the client, and return the table it prints."""
        given = ("--bay", self.bay, "--image", image or self.image, "--command", command)
        return table(self.magnum.run("container-create", *given, *words))

    def running(self, *words: str) -> str:
        """Make one that runs, and return its uuid."""
        uuid = self.create(*words)["uuid"]
        self.act("start", uuid)
        return uuid

    def act(self, verb: str, ident: str) -> None:
        """Do something to one by the client.

        :raises ClientFailed: it did not come about; the client itself only prints that.
        """
        printed = self.magnum.run(f"container-{verb}", ident)
        if "failed:" in printed:
            raise ClientFailed(printed)

    def show(self, ident: str) -> dict[str, Any]:
        """Return all fields of one, by the client."""
        return dict(json.loads(self.magnum.run("container-show", "--json", ident)))

    def statuses(self) -> dict[str, str]:
        """Return the status of each in the client's list, by uuid."""
        printed = self.magnum.run("container-list", "--bay", self.bay)
        return {row["uuid"]: row["status"] for row in rows(printed)}

    def docker(self, host: str, *words: str) -> str:
        """Have Docker's client do something at an engine, over TLS; return what it prints."""
        address = f"tcp://{host}:2376"
        status, printed = self.real.docker("--host", address, *self._docker_options, *words)
        assert status == 0, printed
        return printed.strip()

    @property
    def manager(self) -> str:
        """The address of the bay's manager."""
        return str(self.bays.show(self.bay).body["master_addresses"][0])

    def copies(self, uuid: str) -> dict[str, Machine]:
        """Return the nodes with a container of that uuid, by name, once for each."""
        found = {}
        for name, node in self.real.named(f"{self.bay}-").items():
            ids = f"docker ps --all --quiet --filter label=magnum.container={uuid}"
            for docker_id in self.real.run(node, ids).split():
                found[f"{name} {docker_id}"] = node
        return found

    def node_of(self, uuid: str) -> tuple[str, Machine]:
        """Return name and node of the one place where a container is."""
        ((place, node),) = self.copies(uuid).items()
        return place.split()[0], node

    def sees(self, name: str, state: str) -> bool:
        """Tell whether the swarm sees a node in a state, such as ``ready active``."""
        template = "{{.Status.State}} {{.Spec.Availability}}"
        return self.docker(self.manager, "node", "inspect", "--format", template, name) == state

    def wait_for_nodes(self) -> None:
        """Wait until each node takes containers, whatever the test before has done to it."""
        command = ("node", "ls", "--format", "{{.Status}} {{.Availability}}")

        def are_back() -> bool:
            states = self.docker(self.manager, *command).splitlines()
            return states == ["Ready Active"] * len(self.real.named(f"{self.bay}-"))

        until(are_back, "the swarm has all its nodes")

    def join(self, name: str, node: Machine) -> None:
        """Have a node that boots join the swarm as a new one, and wait until it has."""
        token = self.docker(self.manager, "swarm", "join-token", "--quiet", "worker")
        address = "{{.Swarm.NodeAddr}}:2377"
        manager = self.docker(self.manager, "info", "--format", address)
        is_up = "timeout 5 docker version > /dev/null 2>&1 && echo up"
        until(lambda: node.runs and self.real.run(node, is_up) == "up\n", "the engine answers")
        printed = self.real.run(node, f"docker swarm join --token {token} {manager}", PATIENCE)
        until(lambda: self.sees(name, "ready active"), f"{name} is in the swarm: {printed}")

    @contextlib.contextmanager
    def hanging(self, node: Machine) -> Iterator[None]:
        """Have the engine of a node accept connections and say nothing while the block runs."""
        self.real.run(node, "kill -STOP $(pidof dockerd)")
        try:
            yield
        finally:
            self.real.run(node, "kill -CONT $(pidof dockerd)")

    def clear(self) -> None:
        """Remove all there are."""
        for each in self.bays.session.get(SERVICE, "/containers")["containers"]:
            path = f"/containers/{each['uuid']}"
            # A frozen one cannot be stopped; none of this matters to one that is not made.
            for verb in ("unpause", "stop"):
                self.bays.send("PUT", f"{path}/{verb}")
            reply = self.bays.send("DELETE", path)
            assert reply.status in {204, 404}, reply


def until(condition: Callable[[], object], told: str, patience: float = PATIENCE) -> None:
    """Wait for something that comes about by itself.

    :param told: what is waited for.
    """
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"not in {patience} s: {told}"
        time.sleep(0.5)
