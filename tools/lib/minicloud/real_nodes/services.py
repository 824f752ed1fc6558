# SPDX-License-Identifier: Apache-2.0
"""What serves the nodes of one network, in its namespace: DHCP and the metadata service."""

import contextlib
import ctypes
import http.server
import os
import shutil
import signal
import socket
import socketserver
import subprocess
import threading
from collections.abc import Callable

from minicloud.real_nodes import dhcp, shell
from minicloud.real_nodes.picture import Picture
from minicloud.real_nodes.places import METADATA_ADDRESS, Places

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)

Answer = Callable[[str, str, str], "bytes | None"]
"""Gives what a client reads: its network, its address, the path."""


def _listen(namespace: str, address: tuple[str, int]) -> socket.socket:
    """Return a socket that listens in a namespace; it stays there wherever it is used.

    :raises OSError: the namespace cannot be entered or the address not be had.
    """
    made: list[socket.socket | OSError] = []

    def enter() -> None:  # in a thread of its own, for it never comes back
        try:
            with (shell.NETNS / namespace).open() as file:
                if _libc.setns(file.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
            made.append(socket.create_server(address))
        except OSError as error:
            made.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answer: Callable[[str, str], bytes | None]

    def do_GET(self) -> None:
        found = type(self).answer(self.client_address[0], self.path)
        body = b"nothing is here\n" if found is None else found
        self.send_response(404 if found is None else 200)
        kind = "application/json" if self.path.endswith(".json") else "text/plain"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Say nothing; what a node asks is in its own console log."""


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, *words: object) -> None:
        """Say nothing of clients that went away."""


def serve_metadata(namespace: str, answer: Callable[[str, str], bytes | None]) -> _Server:
    """Answer the clients of one network, each by its address."""
    handler = type("Handler", (_Handler,), {"answer": staticmethod(answer)})
    server = _Server((METADATA_ADDRESS, 80), handler, bind_and_activate=False)
    server.socket.close()
    server.socket = _listen(namespace, (METADATA_ADDRESS, 80))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class NetworkServices:
    """The two services of one network."""

    def __init__(self, places: Places, network: str, answer: Answer) -> None:
        self._namespace = places.network(network)
        self._folder = places.network_folder(network)
        self._dnsmasq: subprocess.Popen | None = None
        self._config = self._hosts = ""
        self._metadata = serve_metadata(
            self._namespace, lambda address, path: answer(network, address, path)
        )

    def follow(self, picture: Picture, network: str) -> None:
        """Serve what the picture says of the network."""
        config = dhcp.config(self._folder, picture.subnets_of(network))
        hosts = dhcp.hosts(picture.ports_on(network))
        if self._dnsmasq and self._dnsmasq.poll() is not None:
            self._dnsmasq = None
        if self._dnsmasq and (config, hosts) == (self._config, self._hosts):
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "hosts").write_text(hosts)
        if self._dnsmasq and config == self._config:
            self._dnsmasq.send_signal(signal.SIGHUP)
        else:
            self._restart(config)
        self._config, self._hosts = config, hosts

    def _restart(self, config: str) -> None:
        self._end_dnsmasq()
        path = self._folder / "dnsmasq.conf"
        path.write_text(config)
        with (self._folder / "dnsmasq.log").open("ab") as log:
            self._dnsmasq = subprocess.Popen(
                shell.inside(
                    self._namespace,
                    "dnsmasq",
                    f"--conf-file={path}",
                    "--keep-in-foreground",
                    "--log-facility=-",
                    "--log-dhcp",
                ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(os.environ),
            )

    def _end_dnsmasq(self) -> None:
        if self._dnsmasq:
            self._dnsmasq.terminate()
            self._dnsmasq.wait()
            self._dnsmasq = None

    def end(self) -> None:
        """End both."""
        self._end_dnsmasq()
        self._metadata.shutdown()
        self._metadata.server_close()
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self._folder)
