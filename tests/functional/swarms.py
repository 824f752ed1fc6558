# SPDX-License-Identifier: Apache-2.0
"""Bays of real nodes as their users see them: by Docker's client and the files it is given."""

import pathlib
import re
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from deployment import inventory
from deployment.client import Client
from deployment.cloud import Cloud, User
from minicloud.real_nodes.machine import Machine
from tests.functional.bays import Bays, NotSettled
from tests.functional.real_nodes import RealNodes

PATIENCE = 360  # seconds for what takes some tens of seconds where nothing else runs


class Member(NamedTuple):
    """A node in the list of a swarm's managers."""

    name: str
    status: str
    manager: str = ""

    @property
    def is_ready(self) -> bool:
        return self.status == "Ready" and self.manager in {"", "Leader", "Reachable"}


def until(done: Callable[[], Any], told: Callable[[], str], patience: float = PATIENCE) -> None:
    """Wait until something is so.

    :param told: what is said when it does not become so.
    """
    deadline = time.monotonic() + patience
    while not done():
        assert time.monotonic() < deadline, told()
        time.sleep(1)


class Swarm:
    """One bay.

    :param files: the folder with what `magnum bay-config` wrote; None without TLS.
    """

    def __init__(
        self, real: RealNodes, shown: Mapping[str, Any], files: pathlib.Path | None
    ) -> None:
        self._real = real
        self.shown = shown
        self._files = files

    @property
    def uuid(self) -> str:
        return str(self.shown["uuid"])

    @property
    def name(self) -> str:
        return str(self.shown["name"])

    @property
    def host(self) -> str:
        """Where the engine of the first manager answers, as Docker's client wants it."""
        return str(self.shown["api_address"]).replace("https://", "tcp://")

    @property
    def trust(self) -> tuple[str, ...]:
        """The options of Docker's client for who is trusted and who asks."""
        if self._files is None:
            return ()
        own = (f"--tls{kind}={self._files / kind}.pem" for kind in ("cert", "key"))
        return ("--tlsverify", f"--tlscacert={self._files / 'ca.pem'}", *own)

    def ask(self, *words: str, host: str = "") -> tuple[int, str]:
        """Run Docker's client at the first manager's engine, or another one's."""
        return self._real.docker("--host", host or self.host, *self.trust, *words)

    def docker(self, *words: str, host: str = "") -> str:
        """Return what :meth:`ask` prints, which must go well."""
        status, printed = self.ask(*words, host=host)
        assert status == 0, printed
        return printed

    def members(self, host: str = "") -> list[Member]:
        """Return the nodes as the managers list them, by name."""
        template = "{{.Hostname}} {{.Status}} {{.ManagerStatus}}"
        printed = self.docker("node", "ls", "--format", template, host=host)
        return sorted(Member(*line.split()) for line in printed.splitlines())

    def wait_until_ready(self, count: int) -> None:
        """Wait until so many nodes are listed and all of them ready."""

        def done() -> bool:
            known = self.members()
            return len(known) == count and all(member.is_ready for member in known)

        until(done, lambda: f"not {count} ready nodes: {self.members()}\n{self._real.consoles()}")

    def wait_until_ready_again(self, name: str) -> None:
        """Wait until a node that joined anew is ready; its former self is forgotten."""
        own = ("node", "ls", f"--filter=name={name}", "--format={{.ID}} {{.Status}}")

        def known() -> list[list[str]]:
            return [line.split() for line in self.docker(*own).splitlines()]

        until(lambda: sorted(row[1] for row in known()) == ["Down", "Ready"], lambda: str(known()))
        (former,) = (identity for identity, status in known() if status == "Down")
        self.docker("node", "rm", former)

    def wait_for_task(self, service: str, node: str) -> None:
        """Wait until a service of one task runs on a node."""
        words = ("service", "ps", service, "--filter=desired-state=running")

        def printed() -> str:
            return self.docker(*words, "--format={{.Node}} {{.CurrentState}}")

        until(lambda: printed().startswith(f"{node} Running"), printed)

    def token(self, role: str) -> str:
        """Return the token by which nodes of a role join now."""
        return self.docker("swarm", "join-token", "--quiet", role).strip()

    def machines(self, role: str = "") -> dict[str, Machine]:
        """Return the nodes by name; role is `master`, `node` for workers, or empty for all."""
        own = re.compile(rf"{re.escape(self.name)}-\w+-{role}")
        found = self._real.named(f"{self.name}-")
        return {name: node for name, node in sorted(found.items()) if own.match(name)}

    def machine(self, name: str) -> Machine:
        return self._real.named(name)[name]


def environment(real: RealNodes, node: Machine) -> dict[str, str]:
    """Return the variables of a node's parameter files."""
    text = real.run(node, "cat /etc/magnum/cluster.env /etc/magnum/node.env")
    return dict(word.split("=", 1) for word in shlex.split(text))


class Swarms:
    """Bays made at the same time, waited for when they are wanted.

    :param magnum: by which files for Docker's client are made.
    """

    def __init__(self, real: RealNodes, bays: Bays, magnum: Client, folder: pathlib.Path) -> None:
        self.real = real
        self.bays = bays
        self._magnum = magnum
        self._folder = folder
        self._asked: dict[str, str] = {}
        self._found: dict[str, Swarm] = {}

    def create(self, name: str, os: str, model: Mapping[str, Any], **fields: Any) -> None:
        """Ask for a bay.

        :param os: of its image.
        :param model: further fields of its baymodel.
        :param fields: of itself.
        """
        image = {"image_id": self.real.facts["images"][os]}
        made = self.bays.create_model(**{**self.real.model, **image, **model})
        self._asked[name] = self.bays.create(made, name=name, **fields)

    def __getitem__(self, name: str) -> Swarm:
        """Return a bay once it is complete.

        :raises NotSettled: it does not get so; the text has the consoles of all nodes.
        """
        if name not in self._found:
            shown = self.real.wait_for(self.bays, self._asked[name], "CREATE_COMPLETE", PATIENCE)
            files = None
            if str(shown["api_address"]).startswith("https:"):
                files = self._folder / name
                files.mkdir()
                self._magnum.run("bay-config", name, "--dir", str(files))
            self._found[name] = Swarm(self.real, shown, files)
        return self._found[name]

    def uuid(self, name: str) -> str:
        return self._asked[name]

    def settle(self) -> None:
        """Wait until none is being made any more, however it has come out."""

        def unsettled() -> list[str]:
            shown = [self.bays.show(uuid).body for uuid in self._asked.values()]
            return [row["name"] for row in shown if row["status"] == "CREATE_IN_PROGRESS"]

        until(lambda: not unsettled(), lambda: f"still being made: {unsettled()}")

    @contextmanager
    def switched_off(self, swarm: Swarm, name: str) -> Iterator[None]:
        """Have one node of a bay without power for a while; the bay is as before in the end."""
        count, server = len(swarm.members()), swarm.machine(name).server
        self._power(server, "os-stop")
        try:
            yield
        finally:
            self._power(server, "os-start")
            until(lambda: swarm.ask("node", "ls")[0] == 0, self.real.consoles)
            swarm.wait_until_ready(count)

    def _power(self, server: str, action: str) -> None:
        self.bays.session.call("POST", "compute", f"/servers/{server}/action", {action: None})

    def delete(self, names: Iterable[str]) -> None:
        """Delete bays, and wait until they are gone."""
        chosen = [self._asked.pop(name) for name in names]
        for bay in chosen:
            self.bays.delete(bay)
        for bay in chosen:
            try:
                self.bays.wait_until_gone(bay, PATIENCE)
            except NotSettled as error:
                raise NotSettled(f"{error}\n{self.real.consoles()}") from error

    def delete_all(self) -> None:
        self.delete(list(self._asked))


def servers_of(swarm: Swarm) -> set[str]:
    """Return the Nova ids of a bay's nodes."""
    return {node.server for node in swarm.machines().values()}


def assert_only_the_token_of_now_lets_in(
    swarms: Swarms, swarm: Swarm, name: str, old: tuple[str, ...]
) -> None:
    """Have a worker leave and come back with tokens that it was or might have been given."""
    node, real = swarm.machine(name), swarms.real
    manager = environment(real, node)["MANAGER_IPS"].split(",")[0]

    def join(token: str) -> str:
        return real.run(node, f"docker swarm join --token {token} {manager}:2377", 60)

    real.run(node, "docker swarm leave --force")
    for token in old:
        assert "A valid join token is necessary" in join(token)
    assert "joined a swarm" in join(swarm.token("worker"))
    swarm.wait_until_ready_again(name)


@contextmanager
def without_trace(real: RealNodes, cloud: Cloud, owner: User) -> Iterator[None]:
    """Fail when something of bays, nodes or networks is left afterwards, here or in the cloud."""
    before = inventory.take(cloud, owner)
    yield
    left = inventory.left_behind(cloud, owner, before, patience=60)
    assert not left, "left behind: " + ", ".join(sorted(map(str, left)))
    until(lambda: not list(real.left()), lambda: f"left here: {list(real.left())}", 60)
