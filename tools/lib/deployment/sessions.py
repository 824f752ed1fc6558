# SPDX-License-Identifier: Apache-2.0
"""A minimal OpenStack session: log in, find a service in the catalogue, send JSON.

Written on the standard library, so that what it sees owes nothing to the code under test.
"""

import dataclasses
import json
import urllib.error
import urllib.request
from typing import Any

from deployment.cloud import Cloud, User

TIMEOUT = 60  # seconds a call may take on a busy machine


@dataclasses.dataclass(frozen=True)
class Reply:
    """An HTTP answer; ``body`` is None when there was none."""

    status: int
    body: Any
    headers: dict[str, str]


class Refused(Exception):
    """A service answered with an error that the caller did not expect."""

    def __init__(self, method: str, url: str, reply: Reply) -> None:
        super().__init__(f"{method} {url}: {reply.status} {str(reply.body)[:500]}")
        self.reply = reply


def send(method: str, url: str, body: Any = None, headers: dict[str, str] | None = None) -> Reply:
    """Send one request and return whatever the answer is.

    :raises Silent: nobody answers.
    """
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method)
    request.add_header("Accept", "application/json")
    if data is not None:
        request.add_header("Content-Type", "application/json")
    for name, value in (headers or {}).items():
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            return _reply(answer.status, answer.read(), answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return _reply(error.code, error.read(), error.headers)
    except OSError as error:
        raise Silent(f"{method} {url}: {error}") from error


def _reply(status: int, content: bytes, headers: Any) -> Reply:
    names = {name.lower(): value for name, value in headers.items()}
    try:
        body = json.loads(content) if content else None
    except ValueError:
        body = content.decode(errors="replace")
    return Reply(status, body, names)


def password_method(user: User, domain: str = "default") -> dict[str, Any]:
    """Return the way to prove an identity with a password."""
    who = {"name": user.name, "domain": {"id": domain}, "password": user.password}
    return {"methods": ["password"], "password": {"user": who}}


class Silent(OSError):
    """Nobody answers at an address."""


class Session:
    """One token and the catalogue that came with it."""

    def __init__(self, auth_url: str, identity: dict[str, Any], scope: Any = None) -> None:
        auth: dict[str, Any] = {"identity": identity}
        if scope is not None:
            auth["scope"] = scope
        reply = send("POST", f"{auth_url}/auth/tokens", {"auth": auth})
        if reply.status != 201:
            raise Refused("POST", f"{auth_url}/auth/tokens", reply)
        self.token = reply.headers["x-subject-token"]
        self.user_id: str = reply.body["token"]["user"]["id"]
        self.endpoints = {
            entry["type"]: endpoint["url"].rstrip("/")
            for entry in reply.body["token"].get("catalog", [])
            for endpoint in entry["endpoints"]
            if endpoint["interface"] == "public"
        }
        self.endpoints["identity"] = auth_url

    @classmethod
    def of(cls, cloud: Cloud, user: User) -> "Session":
        """Log a user in, with password, in the user's project."""
        scope = {"project": {"id": user.project_id}}
        return cls(cloud.auth_url, password_method(user), scope)

    def send(self, method: str, service: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Send a request to a service of the catalogue and return whatever it answers."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        url = self.endpoints[service] + path
        return send(method, url, body, {"X-Auth-Token": self.token, **given})

    def call(self, method: str, service: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request and return the body of the answer.

        :raises Refused: the answer is an error.
        """
        reply = self.send(method, service, path, body, **headers)
        if reply.status >= 400:
            raise Refused(method, service + path, reply)
        return reply.body

    def get(self, service: str, path: str) -> Any:
        """Return the body of what a GET answers; raises as :meth:`call`."""
        return self.call("GET", service, path)
