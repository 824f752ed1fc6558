# SPDX-License-Identifier: Apache-2.0
"""The life of a bay, command by command."""

import time
from pathlib import Path
from typing import Any

from demo.terminal import DemoFailed, Terminal
from deployment import inventory
from deployment.client import credentials, table
from deployment.cloud import Cloud, User
from deployment.sessions import Session

IMAGE = "fedora-21-atomic-5"
PATIENCE = 600  # seconds until a bay settles


class Story:
    """One bay from its baymodel to its end.

    :param magnum: the client's program.
    :param folder: where files of the story go: certificates, keys.
    """

    def __init__(
        self, terminal: Terminal, cloud: Cloud, user: User, magnum: Path, folder: Path
    ) -> None:
        self._terminal = terminal
        self._cloud = cloud
        self._user = user
        self._magnum = magnum
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder)}
        self._env |= credentials(cloud, user)
        self._told: set[tuple[str, str]] = set()

    def tell(self) -> None:
        """Go through it all.

        :raises DemoFailed: something is not as it should be.
        """
        before = inventory.take(self._cloud, self._user)
        self._create()
        self._certificates()
        self._grow()
        self._end()
        self._look_for_leftovers(before)

    def _command(self, *words: str, into: str | None = None) -> str:
        return self._terminal.run([str(self._magnum), *words], self._folder, self._env, into)

    def _openssl(self, *words: str) -> str:
        return self._terminal.run(["openssl", *words], self._folder, self._env)

    def _create(self) -> None:
        self._terminal.chapter("a baymodel, and a bay of one node")
        self._command(
            *("baymodel-create", "--name", "demo-model", "--coe", "swarm"),
            *("--image-id", IMAGE, "--keypair-id", "testkey", "--flavor-id", "m1.small"),
            *("--external-network-id", "public"),
        )
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

    def _grow(self) -> None:
        self._terminal.chapter("a second node")
        self._command("bay-update", "demo-bay", "replace", "node_count=2")
        bay = self._settle("UPDATE_COMPLETE")
        self._command("bay-show", "demo-bay")
        addresses = bay["node_addresses"] or []
        if bay["node_count"] != 2 or len(addresses) != 2:
            raise DemoFailed(f"the bay has {bay['node_count']} nodes at {addresses}, not two")

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
