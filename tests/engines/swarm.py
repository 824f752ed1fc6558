# SPDX-License-Identifier: Apache-2.0
"""A bay of real engines: a manager and some workers in one swarm, and a registry beside them."""

import contextlib
import fcntl
import pathlib
import shutil
import tempfile
import time
from collections.abc import Iterator

import docker

from magnum.clients.docker.containers import CONTAINER_LABEL
from tests.engines import network
from tests.engines.authority import Authority
from tests.engines.daemon import Daemon
from tests.engines.registry import IMAGE, Registry

JOIN_SECONDS = 20
_LOCK = pathlib.Path(tempfile.gettempdir()) / "magnum-engines.lock"


class Swarm:
    """Engines that are members of one swarm; the first is its manager.

    :param count: how many.
    """

    def __init__(self, folder: pathlib.Path, count: int) -> None:
        self.authority = Authority()
        self.daemons = [Daemon(number, folder, self.authority) for number in range(count)]
        self.registry = Registry()

    @property
    def manager(self) -> Daemon:
        """The one that may be asked about the swarm."""
        return self.daemons[0]

    @property
    def workers(self) -> list[Daemon]:
        """The others."""
        return self.daemons[1:]

    def start(self) -> None:
        """Start all and bring them together; each gets the image."""
        for daemon in self.daemons:
            daemon.start()
        first = self.manager.address
        with contextlib.closing(self.manager.local()) as client:
            client.init_swarm(advertise_addr=first, listen_addr=f"{first}:2377")
            token = client.inspect_swarm()["JoinTokens"]["Worker"]
        for daemon in self.workers:
            with contextlib.closing(daemon.local()) as client:
                client.join_swarm(
                    [f"{first}:2377"],
                    token,
                    advertise_addr=daemon.address,
                    listen_addr=f"{daemon.address}:2377",
                )
        for daemon in self.daemons:
            with contextlib.closing(daemon.local()) as client:
                client.pull(IMAGE)
        self.await_state("ready")

    def await_state(self, state: str, daemon: Daemon | None = None) -> None:
        """Wait until the manager sees a member, or all of them, in a state."""
        wanted = {daemon.name} if daemon else {each.name for each in self.daemons}
        deadline = time.monotonic() + JOIN_SECONDS
        while not wanted <= self._in_state(state):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{wanted} did not become {state}")
            time.sleep(0.1)

    def _in_state(self, state: str) -> set[str]:
        with contextlib.closing(self.manager.local()) as client:
            return {
                node["Description"]["Hostname"]
                for node in client.nodes()
                if node["Status"]["State"] == state
            }

    def clear(self) -> None:
        """Bring every engine back to having none of our containers, active in the swarm."""
        for daemon in self.daemons:
            with contextlib.closing(daemon.local()) as client:
                for each in client.containers(all=True, filters={"label": CONTAINER_LABEL}):
                    with contextlib.suppress(docker.errors.NotFound):
                        client.remove_container(each["Id"], force=True)

    def remove(self) -> None:
        """Leave nothing of it."""
        self.registry.stop()
        for daemon in reversed(self.daemons):
            daemon.remove()


@contextlib.contextmanager
def started(count: int) -> Iterator[Swarm]:
    """Yield a started swarm; one at a time on a machine, for there is one network."""
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = pathlib.Path(tempfile.mkdtemp(prefix="magnum-engines-"))
        network.up(count)
        try:
            swarm = Swarm(folder, count)
            try:
                swarm.start()
                yield swarm
            finally:
                swarm.remove()
        finally:
            network.down(count)
            shutil.rmtree(folder, ignore_errors=True)
