# SPDX-License-Identifier: Apache-2.0
"""The stand-in's loop: look what Nova's driver wrote down, and play a node for each server.

`<prefix>/run/nodes.json`, read again at each look, steers it (all keys optional):
`delay` seconds between a server's and its node's start, `skip` a pattern of server names to leave
waiting, `fail` a pattern of names that shall signal FAILURE, `paused` true to do nothing.
"""

import json
import re
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from minicloud.nodes.node import Node
from minicloud.real_nodes import servers as servers_module
from minicloud.real_nodes.places import Places
from minicloud.real_nodes.servers import Server
from minicloud.settings import Settings

_THREADS = 6
_PERIOD = 0.5  # seconds


def log(text: str) -> None:
    """Write one line to the service's log."""
    print(time.strftime("%Y-%m-%d %H:%M:%S"), text, flush=True)


class Watch:
    """Knows which servers there are and which of them are being played."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings.var / "nodes"
        self._servers = Places(settings).servers
        self._pool = ThreadPoolExecutor(_THREADS, "node")
        self._seen: dict[str, float] = {}  # server id -> when it was first there
        self._playing: dict[str, Future] = {}

    def forever(self) -> None:
        """Look again and again; what fails is told once and tried again."""
        log("watching for servers")
        self._folder.mkdir(parents=True, exist_ok=True)
        troubled = False
        while True:
            try:
                control = self._control()
                if not control.get("paused"):
                    self.look(control)
                troubled = False
            except (OSError, ValueError, re.error) as error:
                if not troubled:
                    log(f"cannot look: {type(error).__name__}: {error}")
                troubled = True
            time.sleep(_PERIOD)

    def _control(self) -> dict[str, Any]:
        try:
            return json.loads((self._settings.run / "nodes.json").read_text())
        except FileNotFoundError:
            return {}

    def _node(self, server: str, name: str) -> Node:
        return Node(self._folder / server, name, log)

    def look(self, control: dict[str, Any]) -> None:
        """Look once: start nodes for new servers, forget those whose servers are gone."""
        servers = {
            identity: server
            for identity, server in servers_module.load_all(self._servers).items()
            if server.on and not server.is_real
        }
        self._forget_all_but(servers)
        now = time.monotonic()
        for identity, server in servers.items():
            first_seen = self._seen.setdefault(identity, now)
            if identity in self._playing or now - first_seen < control.get("delay", 0):
                continue
            if control.get("skip") and re.search(control["skip"], server.name):
                continue
            fail = bool(control.get("fail") and re.search(control["fail"], server.name))
            self._playing[identity] = self._pool.submit(self._play, server, fail)

    def _forget_all_but(self, servers: dict[str, Server]) -> None:
        for server in self._seen.keys() - servers.keys():
            del self._seen[server]
        for server in [s for s, playing in self._playing.items() if playing.done()]:
            if server not in servers:
                del self._playing[server]
        for folder in self._folder.iterdir():
            # One that still plays is removed at a later look.
            if folder.name not in servers and folder.name not in self._playing:
                self._node(folder.name, folder.name).remove()
                log(f"{folder.name}: server gone, scratch removed")

    def _play(self, server: Server, fail: bool) -> None:
        node = self._node(server.id, server.name)
        if node.finished:
            return
        try:
            node.play(server.raw_user_data, fail)
        except Exception as error:  # noqa: BLE001 - one bad node must not end the others' thread
            log(f"{server.name}: {type(error).__name__}: {error}; trying again")
            time.sleep(_PERIOD)
            self._playing.pop(server.id, None)
