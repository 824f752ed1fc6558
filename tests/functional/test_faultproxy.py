# SPDX-License-Identifier: Apache-2.0
"""The proxy that breaks connections, before a bay is trusted to it; here, as it opens sockets."""

import http.client
import http.server
import threading
from collections.abc import Iterator

import pytest

from deployment.faultproxy import Fault, FaultProxy


class Service(http.server.ThreadingHTTPServer):
    """Notes the bodies it gets."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[bytes] = []
        self.noted = threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Service

    def do_POST(self) -> None:
        """Note the body and answer."""
        self.server.got.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.noted.set()
        self.send_response(201)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as service:
        threading.Thread(target=service.serve_forever, args=(0.05,), daemon=True).start()
        yield service
        service.shutdown()


@pytest.fixture
def proxy(service: Service) -> Iterator[FaultProxy]:
    proxy = FaultProxy(*service.server_address)
    yield proxy
    proxy.close()


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[http.client.HTTPConnection]:
    client = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=1)
    yield client
    client.close()


def post(client: http.client.HTTPConnection, path: str = "/") -> int:
    client.request("POST", path, body=b"body")
    with client.getresponse() as answer:
        answer.read()
        return answer.status


def test_healthy_proxy_passes_everything(
    service: Service, client: http.client.HTTPConnection
) -> None:
    assert [post(client), post(client)] == [201, 201]
    assert service.got == [b"body", b"body"]


def test_refused_breaks_what_is_open_and_lets_nobody_in(
    service: Service, proxy: FaultProxy, client: http.client.HTTPConnection
) -> None:
    assert post(client) == 201
    proxy.fail(Fault.REFUSED)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        post(client)
    client.close()
    with pytest.raises(ConnectionRefusedError):
        post(client)
    client.close()
    proxy.heal()
    assert post(client) == 201
    assert len(service.got) == 2


def test_failing_is_answered_with_500_and_does_not_arrive(
    service: Service, proxy: FaultProxy, client: http.client.HTTPConnection
) -> None:
    proxy.fail(Fault.FAILING)
    assert post(client) == 500
    assert (service.got, proxy.hits) == ([], 1)


def test_silent_is_not_answered_and_does_not_arrive(
    service: Service, proxy: FaultProxy, client: http.client.HTTPConnection
) -> None:
    proxy.fail(Fault.SILENT)
    with pytest.raises(TimeoutError):
        post(client)
    assert (service.got, proxy.hits) == ([], 1)


def test_lost_arrives_and_is_not_answered(
    service: Service, proxy: FaultProxy, client: http.client.HTTPConnection
) -> None:
    proxy.fail(Fault.LOST)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        post(client)
    assert service.noted.wait(10)
    assert (service.got, proxy.hits) == ([b"body"], 1)


def test_only_what_matches_meets_the_fault(
    proxy: FaultProxy, client: http.client.HTTPConnection
) -> None:
    proxy.fail(Fault.FAILING, rb"POST /stacks ")
    assert post(client, "/tokens") == 201
    assert post(client, "/stacks") == 500
