# SPDX-License-Identifier: Apache-2.0
"""Requests as bytes on a wire, brought to the application the way gunicorn does it."""

import io
import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from magnum.api.versions import Application


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    :ivar target: path and query as they stand on the request line.
    :ivar length: the header Content-Length; "" for that of the body, None for none.
    """

    method: str
    target: bytes
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    length: str | None = ""
    chunked: bool = False

    @property
    def announced(self) -> str | None:
        """The value of Content-Length, if it has one."""
        if self.chunked or self.length is None:
            return None
        return self.length or str(len(self.body))

    def environ(self) -> dict[str, Any]:
        """Return what a WSGI server makes of it."""
        path, _, query = self.target.partition(b"?")
        found: dict[str, Any] = {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": urllib.parse.unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query.decode("latin-1"),
            "SERVER_NAME": "api.test",
            "SERVER_PORT": "9511",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "192.0.2.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(self.body),
            "wsgi.input_terminated": True,
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        for name, value in self.headers:
            key = name.upper().replace("-", "_")
            key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
            found[key] = f"{found[key]},{value}" if key in found else value
        if self.announced is not None:
            found["CONTENT_LENGTH"] = self.announced
        if self.chunked:
            found["HTTP_TRANSFER_ENCODING"] = "chunked"
        return found

    def as_http(self) -> bytes:
        """Return the bytes to send to a server to see the same."""
        lines = [f"{self.method} ".encode("latin-1") + self.target + b" HTTP/1.1"]
        lines += [f"{name}: {value}".encode("latin-1") for name, value in self.headers]
        if self.announced is not None:
            lines.append(b"Content-Length: " + self.announced.encode("latin-1"))
        body = self.body
        if self.chunked:
            lines.append(b"Transfer-Encoding: chunked")
            body = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            body += b"0\r\n\r\n"
        return b"\r\n".join([*lines, b"", body])


@dataclass
class Answer:
    """What came back."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """Return the value of a header, or None."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    def json(self) -> Any:
        """Return the body as plain data."""
        return json.loads(self.body)


def send(app: Application, request: Request, odd: Mapping[str, Any] | None = None) -> Answer:
    """Send a request to an application and read the whole answer.

    :param odd: what else is in the request's environment.
    """
    answer = Answer()

    def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
        answer.status, answer.headers = int(status.split(maxsplit=1)[0]), headers

    parts = app({**request.environ(), **(odd or {})}, start_response)
    try:
        answer.body = b"".join(parts)
    finally:
        if close := getattr(parts, "close", None):
            close()
    return answer
