# SPDX-License-Identifier: Apache-2.0
"""The life of a bay, command by command."""

import shutil
import time
from pathlib import Path
from typing import Any

from demo.terminal import DemoFailed, Terminal
from deployment import inventory
from deployment.client import credentials, table
from deployment.cloud import Cloud, User
from deployment.sessions import Session

PLAYED = {"image": "fedora-21-atomic-5", "flavor": "m1.small"}
PATIENCE = 600  # seconds until a bay settles


class Story:
    """One bay from its baymodel to its end.

    :param magnum: the client's program.
    :param newer: a later client's program, which knows how Docker wants its files.
    :param folder: where files of the story go: certificates, keys.
    """

    def __init__(
        self,
        terminal: Terminal,
        cloud: Cloud,
        user: User,
        magnum: Path,
        newer: Path,
        folder: Path,
    ) -> None:
        self._terminal = terminal
        self._cloud = cloud
        self._user = user
        self._magnum = magnum
        self._newer = newer
        self._real = cloud.facts["real_nodes"]
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder)}
        self._env["SHELL"] = "/bin/sh"  # bay-config asks for it
        self._env |= credentials(cloud, user)
        self._told: set[tuple[str, str]] = set()

    def tell(self) -> None:
        """Go through it all.

        :raises DemoFailed: something is not as it should be.
        """
        before = inventory.take(self._cloud, self._user)
        self._create()
        self._certificates()
        if self._real:
            self._swarm()
        self._grow()
        self._container()
        self._end()
        self._look_for_leftovers(before)

    def _command(self, *words: str, into: str | None = None) -> str:
        return self._terminal.run([str(self._magnum), *words], self._folder, self._env, into)

    def _openssl(self, *words: str) -> str:
        return self._terminal.run(["openssl", *words], self._folder, self._env)

    def _create(self) -> None:
        self._terminal.chapter("a baymodel, and a bay of one node")
        image, flavor = PLAYED["image"], PLAYED["flavor"]
        if self._real:
            image, flavor = self._real["images"]["fedora-atomic"], self._real["flavor"]
        self._command(
            *("baymodel-create", "--name", "demo-model", "--coe", "swarm"),
            *("--image-id", image, "--keypair-id", "testkey", "--flavor-id", flavor),
            *("--master-flavor-id", flavor, "--external-network-id", "public"),
        )
        if self._real:  # what no client's baymodel-create can say
            registry = f"insecure_registry={self._real['registry']}"
            self._command("baymodel-update", "demo-model", "add", registry)
        made = self._command(
            *("bay-create", "--name", "demo-bay", "--baymodel", "demo-model", "--node-count", "1")
        )
        self._uuid = table(made)["uuid"]
        self._settle("CREATE_COMPLETE")
        self._command("bay-show", "demo-bay")

    def _settle(self, wanted: str) -> dict[str, Any]:
        """Show events as they come, until the bay has the status or ends otherwise."""
        session = Session.of(self._cloud, self._user)
        deadline = time.monotonic() + PATIENCE
        while True:
            reply = session.send("GET", "container-infra", f"/bays/{self._uuid}")
            if reply.status == 404 and wanted == "DELETE_COMPLETE":
                self._terminal.say("the bay is gone")
                return {}
            if reply.status != 200:
                raise DemoFailed(f"GET of the bay answers {reply.status}: {reply.body}")
            self._show_events(session)
            status, reason = reply.body["status"], reply.body["status_reason"]
            if status == wanted:
                self._terminal.say(status)
                return dict(reply.body)
            if status.endswith("_FAILED"):
                raise DemoFailed(f"the bay is {status}: {reason}")
            if time.monotonic() > deadline:
                raise DemoFailed(f"the bay is still {status} after {PATIENCE} s")
            time.sleep(1)

    def _show_events(self, session: Session) -> None:
        reply = session.send("GET", "container-infra", f"/bays/{self._uuid}/events")
        if reply.status == 404:
            return  # it went between the two requests
        if reply.status != 200:
            raise DemoFailed(f"GET of the events answers {reply.status}: {reply.body}")
        events = sorted(reply.body["events"], key=lambda event: str(event["created_at"]))
        for event in events:
            key = (str(event["created_at"]), f"{event['resource'] or ''}: {event['text']}")
            if key not in self._told:
                self._told.add(key)
                self._terminal.say(f"{str(event['severity']).lower():8} {key[1]}")

    def _certificates(self) -> None:
        self._terminal.chapter("a certificate for the Docker client")
        self._command("ca-show", "--bay", "demo-bay", into="ca.pem")
        self._openssl(
            *("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem"),
            *("-subj", "/CN=demo", "-out", "demo.csr"),
        )
        self._command("ca-sign", "--bay", "demo-bay", "--csr", "demo.csr", into="cert.pem")
        self._openssl("verify", "-CAfile", "ca.pem", "cert.pem")
        self._openssl("x509", "-in", "cert.pem", "-noout", "-subject", "-issuer", "-enddate")

    def _docker(self, *words: str) -> str:
        program = str(self._cloud.prefix / "bin" / "docker")
        return self._terminal.run([program, *words], self._folder, self._env)

    def _swarm(self) -> None:
        """Use the bay as what it is, a Swarm."""
        self._terminal.chapter("the Swarm, through Docker's client")
        files = self._folder / "docker"
        shutil.rmtree(files, ignore_errors=True)
        files.mkdir()
        command = [str(self._newer), "bay-config", "demo-bay", "--dir", str(files)]
        for line in self._terminal.run(command, self._folder, self._env).splitlines():
            name, _, value = line.removeprefix("export ").partition("=")
            if name.startswith("DOCKER_"):
                # The engine speaks HTTPS, as the client tells; Docker's own word for it is tcp.
                self._env[name] = value.replace("https://", "tcp://")
        nodes = self._docker("node", "ls")
        if nodes.count(" Ready ") != 2:
            raise DemoFailed("the Swarm has not two nodes that are ready")
        told = f"served by {self._user.name}'s bay"
        self._docker(
            *("service", "create", "--name", "hello", "--replicas", "2", "--quiet"),
            *("--no-resolve-image", f"{self._real['registry']}/busybox"),
            *("sh", "-c", f'echo "{told}, on $(hostname)"; exec sleep 3600'),
        )
        self._docker("service", "ps", "hello")
        if self._docker("service", "logs", "hello").count(told) < 2:
            raise DemoFailed("not both containers have said what they should")

    def _grow(self) -> None:
        self._terminal.chapter("a second node")
        self._command("bay-update", "demo-bay", "replace", "node_count=2")
        bay = self._settle("UPDATE_COMPLETE")
        self._command("bay-show", "demo-bay")
        addresses = bay["node_addresses"] or []
        if bay["node_count"] != 2 or len(addresses) != 2:
            raise DemoFailed(f"the bay has {bay['node_count']} nodes at {addresses}, not two")
        if self._real and self._docker("node", "ls").count(" Ready ") != 3:
            raise DemoFailed("the Swarm has not three nodes that are ready")

    def _container(self) -> None:
        """Have the service make a container, as only the client of then can ask for it."""
        self._terminal.chapter("a container, by the old client alone")
        if not self._real:
            self._terminal.say("containers need real nodes, and those of this bay are played")
            return
        told = "a container, made by the client of 2016"
        command = f"sh -c 'echo {told}; exec sleep 3600'"
        made = self._command(
            *("container-create", "--name", "greeter", "--bay", "demo-bay", "--memory", "64m"),
            *("--image", f"{self._real['registry']}/busybox", "--command", command),
        )
        if table(made)["status"] != "Stopped":
            raise DemoFailed("the container is not made")
        self._command("container-start", "greeter")
        self._command("container-list", "--bay", "demo-bay")
        log = self._command("container-logs", "greeter")
        if told not in log:
            raise DemoFailed("the container has not said what it should")

    def _end(self) -> None:
        self._terminal.chapter("the end of the bay")
        self._command("bay-delete", "demo-bay")
        self._settle("DELETE_COMPLETE")
        left = self._command("bay-list")
        if self._uuid in left:
            raise DemoFailed("the bay is still in the list")
        self._command("baymodel-delete", "demo-model")

    def _look_for_leftovers(self, before: frozenset[inventory.Thing]) -> None:
        self._terminal.chapter("what is left of it")
        left = inventory.left_behind(self._cloud, self._user, before)
        if left:
            raise DemoFailed("left behind: " + ", ".join(sorted(map(str, left))))
        self._terminal.say(
            "nothing: no stack, server, network, port, group, address, node user, secret or role "
            "is there that was not there before"
        )
