# SPDX-License-Identifier: Apache-2.0
"""A proxy that breaks what passes through it: stands between our service and another one.

It works on connections, below all protocols, so that one suits HTTP, MySQL and AMQP alike.  Only
who was told the proxy's port suffers; nobody else who uses that service of the cloud does.
"""

import contextlib
import enum
import re
import select
import socket
import socketserver
import threading

_CHUNK = 65536
_PAUSE = 0.2  # seconds after which a client has sent all it has to say
_FAILURE = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n"
    b"Content-Length: 2\r\nConnection: close\r\n\r\n{}"
)


class Fault(enum.Enum):
    """What may become of a connection."""

    NONE = enum.auto()
    REFUSED = enum.auto()  # nobody listens, and what was open breaks
    SILENT = enum.auto()  # what is sent does not arrive, and no answer comes
    FAILING = enum.auto()  # what is sent does not arrive, the answer is HTTP 500
    LOST = enum.auto()  # what is sent arrives, and the connection breaks before the answer


class FaultProxy:
    """Forwards a port to a service, in threads of its own.

    :param host: of the service, and where the proxy listens.
    :param target: port of the service.
    :ivar port: of the proxy, the same for all its life.
    :ivar hits: how many connections have met the present fault.
    """

    def __init__(self, host: str, target: int) -> None:
        self.service = (host, target)
        with socket.socket() as free:
            free.bind((host, 0))
            self.port: int = free.getsockname()[1]
        self.hits = 0
        self._fault = Fault.NONE
        self._only = re.compile(b"")
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._server: _Server | None = None
        self.heal()

    def heal(self) -> None:
        """Let everything pass from now on."""
        self.fail(Fault.NONE)

    def fail(self, fault: Fault, only: bytes = b"") -> None:
        """Have a fault from now on, in the place of the one before.

        :param only: matches the beginning of what clients send at a time, for example
            ``rb"POST /v1/"``; the fault is for the connections on which such is sent.
        """
        with self._lock:
            self.hits, self._fault, self._only = 0, fault, re.compile(only)
        if fault is Fault.REFUSED:
            self._stop_listening()
        elif self._server is None:
            self._server = _Server((self.service[0], self.port), _Connection)
            self._server.proxy = self
            threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """End; what is open breaks."""
        self.fail(Fault.REFUSED)

    def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def judge(self, sent: bytes) -> Fault:
        """Say what becomes of a connection on which this is sent."""
        with self._lock:
            if self._fault is Fault.NONE or not self._only.match(sent):
                return Fault.NONE
            self.hits += 1
            return self._fault

    def opened(self, connection: socket.socket) -> None:
        """Remember a client's connection."""
        with self._lock:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """Forget it."""
        with self._lock:
            self._open.discard(connection)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    proxy: FaultProxy


class _Connection(socketserver.BaseRequestHandler):
    """One client's connection, and the one to the service that goes with it."""

    server: _Server
    request: socket.socket

    def handle(self) -> None:
        """Pass on what comes from either side until one has ended."""
        proxy = self.server.proxy
        proxy.opened(self.request)
        self._fault = Fault.NONE
        try:
            with socket.create_connection(proxy.service) as service:
                while self._pass_on(service):
                    pass
        except OSError:
            pass  # whoever talks through here sees it, too
        finally:
            proxy.closed(self.request)

    def _pass_on(self, service: socket.socket) -> bool:
        """Wait for either side to say something; returns whether there may be more."""
        pause = _PAUSE if self._fault is Fault.LOST else None
        ready, _, _ = select.select([self.request, service], [], [], pause)
        if self._fault is Fault.LOST and (not ready or service in ready):
            return self._hang_up(service)
        if service in ready:
            answer = service.recv(_CHUNK)
            self.request.sendall(answer)
            return bool(answer)
        sent = self.request.recv(_CHUNK)
        if self._fault is Fault.NONE:
            self._fault = self.server.proxy.judge(sent)
            if self._fault is Fault.FAILING:
                self.request.sendall(_FAILURE)
        if self._fault in {Fault.NONE, Fault.LOST}:
            service.sendall(sent)
        return bool(sent)

    def _hang_up(self, service: socket.socket) -> bool:
        """Leave the client, and let the service end what it was asked for."""
        self.request.shutdown(socket.SHUT_RDWR)
        while service.recv(_CHUNK):
            pass
        return False
