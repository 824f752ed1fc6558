# SPDX-License-Identifier: Apache-2.0
"""The runner's loop: make the real nodes be what Nova and Neutron say.

Nova's driver leaves a file for each server, and Neutron's touches one after each change; both are
looked at several times a second. Neutron is asked then, and rarely besides in case a change was
not told; all that only while there is a real node.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from keystoneauth1.exceptions import ClientException

from minicloud.real_nodes import lifecycle, machine, metadata, servers as servers_module
from minicloud.real_nodes.fabric import Fabric
from minicloud.real_nodes.lifecycle import Action
from minicloud.real_nodes.machine import Machine
from minicloud.real_nodes.neutron import Neutron
from minicloud.real_nodes.picture import Picture
from minicloud.real_nodes.places import Places
from minicloud.real_nodes.servers import Server
from minicloud.real_nodes.services import Answer, NetworkServices

_PERIOD = 0.25  # seconds between two looks at the servers
_REFRESH = 1.0  # seconds between two questions to Neutron, while all servers remain
_STALE = 30.0  # seconds after which it is asked though no change was told
_THREADS = 8


def log(text: str) -> None:
    """Write one line to the service's log."""
    print(time.strftime("%Y-%m-%d %H:%M:%S"), text, flush=True)


class Runner:
    """Runs the real nodes of one cloud.

    :param make_services: makes what serves the nodes of one network.
    """

    def __init__(
        self,
        places: Places,
        fabric: Fabric,
        neutron: Neutron,
        make_services: Callable[[Places, str, Answer], NetworkServices] = NetworkServices,
    ) -> None:
        self._places = places
        self._fabric = fabric
        self._neutron = neutron
        self._make_services = make_services
        self._pool = ThreadPoolExecutor(_THREADS, "node")
        self._busy: dict[str, Future] = {}
        self._made: tuple[Picture, set[str]] | None = None
        self._services: dict[str, NetworkServices] = {}
        self._servers: dict[str, Server] = {}
        self._picture = Picture()
        self._asked = float("-inf")
        self._change = -1  # none that Neutron had
        self._troubles: set[str] = set()

    def forever(self) -> None:
        """Look again and again; what fails is told once and tried again."""
        for folder in (self._places.servers, self._places.machines):
            folder.mkdir(parents=True, exist_ok=True)
        self._fabric.make_edge()
        log("watching for servers")
        while True:
            self._guarded("look", self.look)
            time.sleep(_PERIOD)

    def _guarded(self, what: str, act: Callable[[], None]) -> None:
        try:
            act()
            self._troubles.discard(what)
        except (ClientException, OSError, ValueError, LookupError) as error:
            if what not in self._troubles:
                log(f"{what}: {type(error).__name__}: {error}; trying again")
            self._troubles.add(what)

    def look(self) -> None:
        """Look once."""
        known = servers_module.load_all(self._places.servers)
        wanted = {identity: server for identity, server in known.items() if server.is_real}
        changed = wanted.keys() != self._servers.keys()
        self._servers = wanted
        self._busy = {server: job for server, job in self._busy.items() if not job.done()}
        present = machine.present(self._places)
        idle = not wanted and not present and not self._services
        if not idle and (changed or self._networks_changed()):
            self._follow_neutron()
        for server in wanted.keys() | present:
            if server not in self._busy:
                self._decide(server)

    def _networks_changed(self) -> bool:
        age = time.monotonic() - self._asked
        return age > _STALE or (age > _REFRESH and self._change != self._last_change())

    def _last_change(self) -> int:
        """Tell changes of Neutron's apart, by the time of the last one in nanoseconds."""
        try:
            return self._places.network_changes.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def _follow_neutron(self) -> None:
        change = self._last_change()  # a change while we ask is for the next look
        picture = self._neutron.read(self._servers.keys()) if self._servers else Picture()
        for network in self._services.keys() - set(picture.networks):
            self._services.pop(network).end()
        if self._made != (picture, set(self._servers)):
            self._fabric.make(picture, set(self._servers))
            self._made = (picture, set(self._servers))
        self._picture = picture
        for network in picture.networks:
            if network not in self._services:
                services = self._make_services(self._places, network, self._answer)
                self._services[network] = services
            self._services[network].follow(picture, network)
        self._asked, self._change = time.monotonic(), change

    def _answer(self, network: str, address: str, path: str) -> bytes | None:
        """Answer the metadata service's client that has an address on a network."""
        picture = self._picture
        for port in picture.ports_on(network):
            server = self._servers.get(port.device)
            if server and address in {known for _, known in port.addresses}:
                return metadata.answer(server, picture, address, path)
        return None

    def _decide(self, identity: str) -> None:
        server, node = self._servers.get(identity), Machine(self._places, identity)
        connected = bool(self._picture.ports_of(identity))
        started = server is not None and node.was_started(server)
        action = lifecycle.decide(
            server,
            connected=connected,
            started=started,
            runs=node.runs,
            plugged=server is not None and node.is_plugged(server),
        )
        if action is not None:
            self._busy[identity] = self._pool.submit(self._do, action, node, server)

    def _do(self, action: Action, node: Machine, server: Server | None) -> None:
        what = f"{server.name if server else node.server}: {action.value}"

        def act() -> None:
            lifecycle.act(action, node, server)
            log(what)

        self._guarded(what, act)
