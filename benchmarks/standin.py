# SPDX-License-Identifier: Apache-2.0
"""A stand-in for Keystone and Heat, in which any stack is in progress for ever.

``standin.py ADDRESS`` prints the port it has taken.  It knows just what a conductor asks for that
watches stacks, answers at once, and counts requests by kind: ``GET /counts``.
"""

import collections
import http.server
import json
import re
import sys
import threading
import urllib.parse
from collections.abc import Callable
from typing import Any

_MOMENT = "2026-01-02T03:04:05Z"
_MEMBERS = ("server", "port", "address", "user_data", "wait", "handle")
_KINDS = {
    "token": ("POST", r"/v3/auth/tokens"),
    "version": ("GET", r"/v3/?"),
    "role": ("GET", r"/v3/roles"),
    "grant": ("PUT", r"/v3/projects/[^/]+/users/[^/]+/roles/[^/]+"),
    "stacks": ("GET", r"/heat/[^/]+/stacks"),
    "resources": ("GET", r"/heat/[^/]+/stacks/([^/]+)/resources"),
}

Answer = tuple[int, Any, dict[str, str]]


class Cloud:
    """What is answered; keeps nothing but the counts."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._counts: collections.Counter[str] = collections.Counter()
        self._lock = threading.Lock()

    def answer(self, method: str, target: str, body: Any) -> Answer:
        """Answer one request; 404 to what is not known."""
        parts = urllib.parse.urlsplit(target)
        if parts.path == "/counts":
            return 200, dict(self._counts), {}
        for kind, (known, pattern) in _KINDS.items():
            match = re.fullmatch(pattern, parts.path)
            if match and known == method:
                self._count(kind)
                make: Callable[..., Answer] = getattr(self, f"_{kind}")
                return make(urllib.parse.parse_qs(parts.query), body, *match.groups())
        self._count(f"unknown {method} {parts.path}")
        return 404, {"error": {"code": 404, "message": "not played here"}}, {}

    def _count(self, kind: str) -> None:
        with self._lock:
            self._counts[kind] += 1

    def _token(self, _query: Any, body: Any) -> Answer:
        project = body["auth"].get("scope", {}).get("project", {}).get("id", "service")
        urls = {"identity": f"{self._url}/v3", "orchestration": f"{self._url}/heat/{project}"}
        catalog = [
            {
                "type": kind,
                "name": kind,
                "id": kind,
                "endpoints": [
                    {"id": kind, "interface": "public", "url": url, "region": "RegionOne"}
                ],
            }
            for kind, url in urls.items()
        ]
        token = {
            "methods": ["password"],
            "user": {"id": "magnum", "name": "magnum", "domain": {"id": "default"}},
            "project": {"id": project, "name": project, "domain": {"id": "default"}},
            "issued_at": _MOMENT,
            "expires_at": "2099-01-01T00:00:00.000000Z",
            "catalog": catalog,
        }
        return 201, {"token": token}, {"X-Subject-Token": f"token-{project}"}

    def _version(self, _query: Any, _body: Any) -> Answer:
        links = [{"rel": "self", "href": f"{self._url}/v3/"}]
        return 200, {"version": {"id": "v3.14", "status": "stable", "links": links}}, {}

    def _role(self, query: Any, _body: Any) -> Answer:
        return 200, {"roles": [{"id": name, "name": name} for name in query["name"]]}, {}

    def _grant(self, _query: Any, _body: Any) -> Answer:
        return 204, None, {}

    def _stacks(self, query: Any, _body: Any) -> Answer:
        return 200, {"stacks": [_stack(stack_id) for stack_id in query.get("id", ())]}, {}

    def _resources(self, _query: Any, _body: Any, stack_id: str) -> Answer:
        return 200, {"resources": [_resource(stack_id, name) for name in _MEMBERS]}, {}


def _stack(stack_id: str) -> dict[str, Any]:
    return {
        "id": stack_id,
        "stack_name": f"bay-{stack_id[:8]}",
        "stack_status": "CREATE_IN_PROGRESS",
        "stack_status_reason": "Stack CREATE started",
        "creation_time": _MOMENT,
        "updated_time": None,
    }


def _resource(stack_id: str, name: str) -> dict[str, Any]:
    return {
        "resource_name": name,
        "resource_type": "OS::Heat::WaitCondition" if name == "wait" else f"OS::Any::{name}",
        "resource_status": "CREATE_IN_PROGRESS" if name == "wait" else "CREATE_COMPLETE",
        "resource_status_reason": "state changed",
        "physical_resource_id": f"{name}-{stack_id}",
        "updated_time": _MOMENT,
        "links": [{"rel": "stack", "href": f"/heat/p/stacks/any/{stack_id}"}],
    }


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection, kept."""

    protocol_version = "HTTP/1.1"
    cloud: Cloud

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        status, body, headers = self.cloud.answer(
            self.command, self.path, json.loads(raw) if raw else None
        )
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = _serve  # noqa: N815 -- the library's names

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def main(address: str) -> None:
    """Serve until ended."""
    server = http.server.ThreadingHTTPServer((address, 0), Handler)
    port = server.server_address[1]
    Handler.cloud = Cloud(f"http://{address}:{port}")
    print(port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
