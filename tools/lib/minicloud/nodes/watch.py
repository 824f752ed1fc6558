# SPDX-License-Identifier: Apache-2.0
"""The stand-in's loop: look for ACTIVE servers each second, and play a node for each.

`<prefix>/run/nodes.json`, read again at each look, steers it (all keys optional):
`delay` seconds between ACTIVE and the node's start, `skip` a pattern of server names to leave
waiting, `fail` a pattern of names that shall signal FAILURE, `paused` true to do nothing.
"""

import base64
import json
import re
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from keystoneauth1.exceptions import ClientException

from minicloud import administrator
from minicloud.nodes.node import Node
from minicloud.real_nodes import servers as real_servers
from minicloud.real_nodes.places import Places
from minicloud.settings import Settings

_THREADS = 6
_PERIOD = 1.0  # seconds
_USER_DATA = "OS-EXT-SRV-ATTR:user_data"


def log(text: str) -> None:
    """Write one line to the service's log."""
    print(time.strftime("%Y-%m-%d %H:%M:%S"), text, flush=True)


class Watch:
    """Knows which servers there are and which of them are being played."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._nova = administrator.connect(settings, "compute", "2.60")
        self._folder = settings.var / "nodes"
        self._real = Places(settings).servers
        self._pool = ThreadPoolExecutor(_THREADS, "node")
        self._seen: dict[str, float] = {}  # server id -> when it was first ACTIVE
        self._playing: dict[str, Future] = {}

    def forever(self) -> None:
        """Look each second; an unreachable cloud is only waited for."""
        log("watching for servers")
        self._folder.mkdir(parents=True, exist_ok=True)
        troubled = False
        while True:
            try:
                control = self._control()
                if not control.get("paused"):
                    self.look(control)
                troubled = False
            except (ClientException, OSError, ValueError, re.error) as error:
                if not troubled:
                    log(f"cannot look: {type(error).__name__}: {error}")
                troubled = True
            time.sleep(_PERIOD)

    def _control(self) -> dict[str, Any]:
        try:
            return json.loads((self._settings.run / "nodes.json").read_text())
        except FileNotFoundError:
            return {}

    def _servers(self) -> dict[str, str]:
        """Return the names of all ACTIVE servers by id."""
        found: dict[str, str] = {}
        query = "/servers?all_tenants=1&status=ACTIVE&limit=1000"
        marker = ""
        while True:
            page = self._nova.get(query + marker).json()["servers"]
            found |= {server["id"]: server["name"] for server in page}
            if len(page) < 1000:
                return found
            marker = f"&marker={page[-1]['id']}"

    def _node(self, server: str, name: str) -> Node:
        return Node(self._folder / server, name, log)

    def look(self, control: dict[str, Any]) -> None:
        """Look once: start nodes for new servers, forget those whose servers are gone."""
        servers = {
            server: name
            for server, name in self._servers().items()
            if not real_servers.is_known(self._real, server)
        }
        self._forget_all_but(servers)
        now = time.monotonic()
        for server, name in servers.items():
            first_seen = self._seen.setdefault(server, now)
            if server in self._playing or now - first_seen < control.get("delay", 0):
                continue
            if control.get("skip") and re.search(control["skip"], name):
                continue
            fail = bool(control.get("fail") and re.search(control["fail"], name))
            self._playing[server] = self._pool.submit(self._play, server, name, fail)

    def _forget_all_but(self, servers: dict[str, str]) -> None:
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

    def _play(self, server: str, name: str, fail: bool) -> None:
        node = self._node(server, name)
        if node.finished:
            return
        try:
            found = self._nova.get(f"/servers/{server}").json()["server"]
            node.play(base64.b64decode(found.get(_USER_DATA) or ""), fail)
        except Exception as error:  # noqa: BLE001 - one bad node must not end the others' thread
            log(f"{name}: {type(error).__name__}: {error}; trying again")
            time.sleep(_PERIOD)
            self._playing.pop(server, None)
