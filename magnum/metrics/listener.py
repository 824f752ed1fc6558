# SPDX-License-Identifier: Apache-2.0
"""The port that monitoring asks: a few pages over HTTP, in threads of its own.

Not behind the API's port, so no tenant reaches it, and a worker all of whose threads wait for
something still says so.
"""

import logging
import socket
import socketserver
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

from magnum.core.errors import Misconfigured

LOG = logging.getLogger(__name__)

CLIENT_SECONDS = 10.0
"""How long a client may take to ask, and to take its answer."""


@dataclass(frozen=True, slots=True)
class Page:
    """What is answered."""

    status: int
    content_type: str
    body: bytes


Pages = Mapping[str, Callable[[str], Page]]
"""By path, what makes a page for the ``Accept`` that the client sent."""


class Listener:
    """Serves pages on one port until the process ends.

    :param ports: the first that is free is taken.
    :param shared: whether other processes of this user may listen on the same port; each then
        answers some of the clients.
    :raises Misconfigured: none is free, or the address is not of this host.
    """

    def __init__(
        self, host: str, ports: Iterable[int], option: str, pages: Pages, *, shared: bool = False
    ) -> None:
        troubles = []
        for port in ports:
            try:
                self._server = _Server(host, port, pages, shared)
            except OSError as error:
                troubles.append(_trouble(port, error))
            else:
                self.port: int = self._server.server_address[1]
                return
        told = " ".join(troubles)
        raise Misconfigured(
            f"Metrics cannot be served on {host}, change [metrics] host or {option}. {told}"
        )

    def start(self) -> None:
        """Begin to serve; returns at once."""
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()
        LOG.info("Metrics are served on %s port %d", *self._server.server_address[:2])

    def close(self) -> None:
        """Serve no more, once started."""
        self._server.shutdown()
        self._server.server_close()


def trouble_with(host: str, port: int) -> str:
    """Say why nobody could listen on a port; empty when it is free, also of who would share it."""
    try:
        _Server(host, port, {}, shared=False).server_close()
    except OSError as error:
        return _trouble(port, error)
    return ""


def _trouble(port: int, error: OSError) -> str:
    return f"Port {port}: {error.strerror or error}."


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, pages: Pages, shared: bool) -> None:
        self.pages = pages
        self.allow_reuse_port = shared
        self.address_family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        super().__init__((host, port), _Handler)

    def handle_error(self, _request: object, client_address: Any) -> None:
        """Note that one client went away, or was too slow; the others are served."""
        LOG.debug("Monitoring at %s was not answered", client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = CLIENT_SECONDS

    def do_GET(self) -> None:
        page = self._page()
        self.send_response(page.status)
        self.send_header("Content-Type", page.content_type)
        self.send_header("Content-Length", str(len(page.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page.body)

    do_HEAD = do_GET  # noqa: N815 -- as http.server has it

    def _page(self) -> Page:
        make = self.server.pages.get(self.path.partition("?")[0])
        if make is None:
            found = " and ".join(self.server.pages)
            return Page(404, "text/plain", f"There are {found} here.\n".encode())
        try:
            return make(self.headers.get("Accept", ""))
        except Exception:  # monitoring learns that it failed, the log why
            LOG.exception("The page %s cannot be made", self.path)
            return Page(500, "text/plain", b"The page cannot be made, the log tells why.\n")

    def version_string(self) -> str:
        """Return what is told of the server."""
        return "magnum"

    def log_message(self, format: str, *arguments: Any) -> None:
        """Write nothing of each scrape."""


def exposition(registry: Any, accepted: str) -> Page:
    """Return the page of a registry, in the newest format that the client accepts."""
    from prometheus_client.exposition import choose_encoder  # noqa: PLC0415 -- see instruments

    encode, content_type = choose_encoder(accepted)
    return Page(200, content_type, encode(registry))
