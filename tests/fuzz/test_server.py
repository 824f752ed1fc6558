# SPDX-License-Identifier: Apache-2.0
"""What only a socket shows: bodies that are refused unread, slow ones, and requests that are none.

The server is gunicorn as ``magnum-api`` runs it; see :mod:`tests.fuzz.server`.
"""

import contextlib
import json
import pathlib
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.fuzz.server import THREADS
from tests.fuzz.world import OWNER
from tests.wire import Request

ROOT = pathlib.Path(__file__).parents[2]
MEBIBYTE = 2**20
SECONDS = 20.0
"""How long to wait for an answer before it counts as none."""

HEADERS = (("Host", "api.test"), ("X-Auth-Token", OWNER), ("Content-Type", "application/json"))


@dataclass
class Server:
    """A server, and how to talk to it."""

    port: int
    process: "subprocess.Popen[str]"

    def connect(self) -> socket.socket:
        """Return a connection."""
        return socket.create_connection(("127.0.0.1", self.port), SECONDS)

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send bytes and return the status and body of the answer."""
        with self.connect() as connection:
            connection.sendall(request)
            return answer(connection)

    def peak_memory(self) -> int:
        """Return the most bytes that the worker process ever had in memory."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        worker = children.read_text().split()[0]
        found = re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{worker}/status").read_text())
        assert found
        return int(found[1]) * 1024


def answer(connection: socket.socket) -> tuple[int, bytes]:
    """Read one answer; status 0 says that the server has closed without one."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return 0, data
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    while length and len(body) < int(length[1]):
        body += connection.recv(65536)
    return int(head.split()[1]), body


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yield a server, which ends with the tests."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = tmp_path_factory.mktemp("server") / "magnum.sqlite"
    command = [sys.executable, "-m", "tests.fuzz.server", str(port), str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "listening\n"
        running = Server(port, process)
        assert running.ask(Request("GET", b"/v1/bays", HEADERS).as_http())[0] == 200
        yield running
        process.terminate()


def is_alive(server: Server) -> bool:
    """Tell whether it serves the next caller as ever."""
    return server.ask(Request("GET", b"/v1/bays", HEADERS).as_http())[0] == 200


def post(body: bytes, length: int | None = None, **more: bool) -> bytes:
    """Return a POST of which the body may be a part only."""
    announced = "" if length is None else str(length)
    return Request("POST", b"/v1/baymodels", HEADERS, body, announced, **more).as_http()


def test_a_body_of_ten_megabytes_is_refused_before_it_has_come(server: Server) -> None:
    memory = server.peak_memory()
    for _ in range(8):
        status, body = server.ask(post(b" " * 65536, 10 * MEBIBYTE))
        assert status == 413
        assert json.loads(body)["errors"][0]["status"] == 413
    assert server.peak_memory() - memory < 2 * MEBIBYTE
    assert is_alive(server)


def test_a_body_of_ten_megabytes_that_is_sent_all_the_same_is_not_kept(server: Server) -> None:
    memory = server.peak_memory()
    for _ in range(4):
        with server.connect() as connection:
            connection.sendall(post(b"", 10 * MEBIBYTE))
            _push(connection, b"[" * 65536, 10 * MEBIBYTE)
    assert server.peak_memory() - memory < 4 * MEBIBYTE
    assert is_alive(server)


def _push(connection: socket.socket, block: bytes, size: int) -> None:
    """Send so many bytes, or fewer if the other end will not have them."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for _ in range(0, size, len(block)):
            connection.sendall(block)


def test_an_endless_body_in_chunks_is_refused_at_the_limit(server: Server) -> None:
    memory = server.peak_memory()
    with server.connect() as connection:
        connection.sendall(post(b"x" * MEBIBYTE, chunked=True).removesuffix(b"0\r\n\r\n"))
        status, body = answer(connection)  # though the body has not ended
    assert status == 413
    assert json.loads(body)["errors"][0]["title"].startswith("The body must have at most")
    assert server.peak_memory() - memory < 4 * MEBIBYTE


@pytest.mark.parametrize(
    "chunks",
    [b"zz\r\n{}\r\n0\r\n\r\n", b"-2\r\n{}\r\n", b"2\r\n{}garbage", b"2;\x00\r\n{}\r\n0\r\n\r\n"],
)
def test_garbled_chunks_are_the_callers_fault(server: Server, chunks: bytes) -> None:
    head, _, _ = post(b"", chunked=True).partition(b"\r\n\r\n")
    status, body = server.ask(head + b"\r\n\r\n" + chunks)
    assert status == 400
    assert json.loads(body)["errors"][0]["title"]
    assert is_alive(server)


def test_a_body_that_ends_early_is_refused(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(post(b'{"name": "m"}', 99))
        connection.shutdown(socket.SHUT_WR)
        status, body = answer(connection)
    assert status == 400
    assert "as announced" in json.loads(body)["errors"][0]["title"]


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 90_000, b"[" * 9**5 + b"]" * 9**5])
def test_brackets_without_end_are_refused_at_once(server: Server, body: bytes) -> None:
    began = time.monotonic()
    status, _ = server.ask(post(body[:500_000]))
    assert status == 400
    assert time.monotonic() - began < 2
    assert is_alive(server)


def test_slow_bodies_do_not_keep_others_waiting(server: Server) -> None:
    slow = [server.connect() for _ in range(THREADS - 1)]
    try:
        for connection in slow:
            connection.sendall(post(b"{", 400))
        assert is_alive(server)
        for connection in slow:
            connection.sendall(b" " * 399)
            assert answer(connection)[0] == 400
    finally:
        for connection in slow:
            connection.close()


NO_REQUESTS = (
    b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET /v1/bays\r\n\r\n",
    b"GET /v1/bays HTTP/9.9\r\n\r\n",
    b"get /v1/bays HTTP/1.1\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 9 + b"\r\n\r\n",
    b"\x00\xff\x00\xff\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET http://evil.test/v1/bays HTTP/1.1\r\nHost: a\r\nX-Auth-Token: x\r\n\r\n",
    b"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /v1/bays HTTP/1.1\r\nno colon\r\n\r\n",
    b"GET /v1/bays HTTP/1.1\r\nA b: c\r\n\r\n",
    b"GET /v1/bays HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
    b"GET /v1/" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n",
    b"GET /v1/" + b"x" * 4000 + b" HTTP/1.1\r\nHost: a\r\nX-Auth-Token: x:y\r\n\r\n",
    b"GET /v1/bays HTTP/1.1\r\nA: " + b"x" * 40_000 + b"\r\n\r\n",
    b"GET /v1/bays HTTP/1.1\r\n" + b"A: b\r\n" * 300 + b"\r\n",
    b"POST /v1/bays HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"POST /v1/bays HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
    b"POST /v1/bays HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    b"POST /v1/bays HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/bays HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\nab",
)


@pytest.mark.parametrize("request_", NO_REQUESTS, ids=lambda text: repr(text[:40]))
def test_what_is_no_request_is_refused_or_hung_up_on(server: Server, request_: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(request_)
        connection.shutdown(socket.SHUT_WR)
        status, body = answer(connection)
    assert status == 0 or 400 <= status < 500, body
    assert b"Traceback" not in body
    assert is_alive(server)
