# SPDX-License-Identifier: Apache-2.0
import logging
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from magnum.core.errors import Misconfigured
from magnum.metrics import instruments, listener
from magnum.metrics.listener import Listener, Page

pytestmark = pytest.mark.usefixtures("loopback")


def fail(_accepted: str) -> Page:
    raise RuntimeError("the password is xyzzy")


PAGES = {
    "/well": lambda accepted: Page(200, "text/plain", f"for {accepted}".encode()),
    "/ill": lambda _accepted: Page(503, "text/plain", b"ill"),
    "/broken": fail,
}


@pytest.fixture
def served() -> Iterator[Listener]:
    made = Listener("127.0.0.1", [0], "api_port", PAGES)
    made.start()
    yield made
    made.close()


def ask(served: Listener, path: str, method: str = "GET") -> tuple[int, str]:
    url = f"http://127.0.0.1:{served.port}{path}"
    request = urllib.request.Request(url, method=method, headers={"Accept": "text/x"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_pages_are_served(served: Listener, caplog: pytest.LogCaptureFixture) -> None:
    assert ask(served, "/well") == (200, "for text/x")
    assert ask(served, "/well?x=1") == (200, "for text/x")
    assert ask(served, "/well", "HEAD") == (200, "")
    assert ask(served, "/ill") == (503, "ill")
    assert ask(served, "/other") == (404, "There are /well and /ill and /broken here.\n")
    assert ask(served, "/well", "DELETE")[0] == 501
    with caplog.at_level(logging.ERROR):
        status, text = ask(served, "/broken")
    assert (status, "xyzzy" in text, "xyzzy" in caplog.text) == (500, False, True)


def test_conductors_of_one_host_take_the_first_port_that_is_free(served: Listener) -> None:
    second = Listener("127.0.0.1", [served.port, 0], "conductor_ports", PAGES)
    second.start()
    assert ask(second, "/ill") == ask(served, "/ill")
    assert second.port != served.port
    second.close()


def test_port_that_is_taken_is_told(served: Listener) -> None:
    with pytest.raises(Misconfigured) as told:
        Listener("127.0.0.1", [served.port], "conductor_ports", PAGES)
    assert str(told.value) == (
        "Metrics cannot be served on 127.0.0.1, change [metrics] host or conductor_ports. "
        f"Port {served.port}: Address already in use."
    )
    with pytest.raises(Misconfigured, match="already in use"):
        Listener("127.0.0.1", [served.port], "api_port", PAGES, shared=True)


def test_address_of_another_host_is_told() -> None:
    with pytest.raises(Misconfigured, match=r"on 192\.0\.2\.1, change .* Cannot assign"):
        Listener("192.0.2.1", [9513], "api_port", PAGES)


def test_worker_processes_share_a_port() -> None:
    first = Listener("127.0.0.1", [0], "api_port", PAGES, shared=True)
    second = Listener("127.0.0.1", [first.port], "api_port", PAGES, shared=True)
    assert listener.trouble_with("127.0.0.1", first.port).endswith("Address already in use.")
    for one in (first, second):
        one.start()
        one.close()
    assert listener.trouble_with("127.0.0.1", first.port) == ""


def test_ipv6_is_listened_on() -> None:
    six = Listener("::1", [0], "api_port", PAGES)
    assert six._server.server_address[0] == "::1"
    six._server.server_close()


@pytest.mark.parametrize(
    ("accepted", "kind"),
    [
        ("", "text/plain"),
        ("application/openmetrics-text;version=1.0.0", "application/openmetrics-text"),
    ],
)
def test_exposition_is_what_the_client_accepts(
    counting: Callable[[str], Any], accepted: str, kind: str
) -> None:
    registry = counting(instruments.CONDUCTOR)
    instruments.SWEEPS.inc()
    page = listener.exposition(registry, accepted)
    assert page.content_type.startswith(kind)
    assert b"\nmagnum_conductor_sweeps_total 1.0\n" in page.body
