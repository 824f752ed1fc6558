# SPDX-License-Identifier: Apache-2.0
"""Writes down what goes in and out of the application while stories are told.

Stories mark what is worth showing with the header ``X-Sample``, whose value names the sample.  A
sample is text that the documentation includes, so whatever differs from one run to the next is
replaced by something that does not.
"""

import io
import json
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from magnum.api import routes
from magnum.api.versions import Application, StartResponse

MOMENT = "2016-03-01T09:15:42+00:00"
ENDPOINT = "http://controller:9511"

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
_NUMBER = re.compile(r'"id": \d+')  # servers do not count from one again for each test
_PEM = re.compile(r"(-----BEGIN [A-Z ]+-----\\n)[^-]*(-----END)")
_ANSWERED = (
    "Content-Type",
    "Location",
    "Allow",
    "OpenStack-API-Version",
    "X-OpenStack-Request-Id",
)


@dataclass(frozen=True)
class Exchange:
    """One request and its answer.

    :ivar sample: the name under which to show it; empty for most.
    :ivar path: with the query.
    :ivar status: as it stands in the answer, such as ``201 Created``.
    """

    sample: str
    method: str
    path: str
    sent: bytes
    status: str
    answered: bytes
    headers_sent: dict[str, str]
    headers_answered: dict[str, str]

    @property
    def code(self) -> int:
        return int(self.status.split()[0])

    @property
    def route(self) -> routes.Route | None:
        """The route that served it, None when there was none."""
        parts = tuple(part for part in self.path.partition("?")[0].split("/") if part)
        if parts and parts[0] != "v1":
            parts = ("v1", *parts)
        found = routes.find(parts)
        return found[0] if found else None


class Recorder:
    """Middleware around everything: keeps all exchanges in ``seen``."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self.seen: list[Exchange] = []

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request and write it down."""
        sent = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(sent)
        query = environ.get("QUERY_STRING", "")
        path = environ["PATH_INFO"] + (f"?{query}" if query else "")
        told: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            told.append((status, headers))
            return start_response(status, headers, *more)

        sample = environ.pop("HTTP_X_SAMPLE", "")
        asked = _headers_sent(environ, sent)
        body = b"".join(self._app(environ, start))
        status, headers = told[-1]
        self.seen.append(
            Exchange(
                sample=sample,
                method=environ["REQUEST_METHOD"],
                path=path,
                sent=sent,
                status=status,
                answered=body,
                headers_sent=asked,
                headers_answered=dict(headers),
            )
        )
        return [body]


def _headers_sent(environ: dict[str, Any], body: bytes) -> dict[str, str]:
    """Return those that matter for the answer, without the token itself."""
    found = {
        "X-Auth-Token": "$TOKEN" if environ.get("HTTP_X_AUTH_TOKEN") else "",
        "Content-Type": environ.get("CONTENT_TYPE", "") if body else "",
        "OpenStack-API-Version": environ.get("HTTP_OPENSTACK_API_VERSION", ""),
    }
    return {name: value for name, value in found.items() if value}


def samples(seen: Iterable[Exchange]) -> dict[str, str]:
    """Return the text of each sample, by its name."""
    known: dict[str, str] = {}

    def lasting(text: str) -> str:
        text = text.replace("http://api.test:9511", ENDPOINT)
        text = _MOMENT.sub(MOMENT, text)
        text = _NUMBER.sub('"id": 1', text)
        text = _PEM.sub(r"\1...\\n\2", text)
        return _UUID.sub(lambda found: _named(known, found.group()), text)

    return {
        exchange.sample: lasting(_request(exchange) + "\n" + _answer(exchange))
        for exchange in seen
        if exchange.sample
    }


def _named(known: dict[str, str], found: str) -> str:
    """Return the uuid that stands for another one: the same for the first, the second, ..."""
    return known.setdefault(found, str(uuid.uuid5(uuid.NAMESPACE_URL, str(len(known)))))


def _request(exchange: Exchange) -> str:
    first = f"{exchange.method} {exchange.path} HTTP/1.1"
    return _block(first, exchange.headers_sent, exchange.sent)


def _answer(exchange: Exchange) -> str:
    found = {name.lower(): value for name, value in exchange.headers_answered.items()}
    headers = {name: found[name.lower()] for name in _ANSWERED if name.lower() in found}
    return _block(f"HTTP/1.1 {exchange.status}", headers, exchange.answered)


def _block(first: str, headers: dict[str, str], body: bytes) -> str:
    lines = [first, *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines += ["", *json.dumps(json.loads(body), indent=2).splitlines()]
    return ".. code-block:: http\n\n" + "".join(f"   {line}".rstrip() + "\n" for line in lines)
