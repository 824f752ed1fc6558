# SPDX-License-Identifier: Apache-2.0
"""Looks for secrets in what the service wrote; tells where, and never which.

What the service makes itself (passwords of nodes, keys of certificates) its processes confess to a
folder when they run in ``wrapper.py``.
"""

import dataclasses
import json
import pathlib
import re
import urllib.parse
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy

MARKERS: Mapping[str, re.Pattern[str]] = {
    "a private key": re.compile(r"PRIVATE KEY"),
    "a token, or something encrypted by Fernet": re.compile(r"gAAAA[\w=-]{20,}"),
    "a signed token": re.compile(r"\beyJ[\w-]{10,}\.[\w-]+\.[\w-]+"),
    "a token to join a swarm": re.compile(r"SWMTKN-"),
}
"""What no log may hold, whatever its value is."""

SHORTEST = 12
"""Anything shorter is no secret but a word, and would be found everywhere."""


@dataclasses.dataclass(frozen=True)
class Hit:
    """A line of a log that holds a secret."""

    what: str
    log: pathlib.Path
    line: int

    def __str__(self) -> str:
        return f"{self.log}:{self.line} holds {self.what}"


class Sentinel:
    """Knows secrets and searches logs for them.

    :raises ValueError: a secret is too short to be one.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._what: dict[str, str] = {}
        for secret, what in secrets.items():
            if len(secret) < SHORTEST:
                raise ValueError(f"{what} is too short to be searched for")
            for spelling in (secret, urllib.parse.quote(secret, safe=""), json.dumps(secret)[1:-1]):
                self._what[spelling] = what
        self._known = re.compile("|".join(map(re.escape, self._what)) or r"(?!)")

    def search(self, logs: Iterable[pathlib.Path]) -> list[Hit]:
        """Return every line that holds a secret."""
        return [hit for log in logs for hit in self._search(log)]

    def _search(self, log: pathlib.Path) -> Iterable[Hit]:
        with log.open(errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                if found := self._known.search(line):
                    yield Hit(self._what[found[0]], log, number)
                for what, marker in MARKERS.items():
                    if marker.search(line):
                        yield Hit(what, log, number)


def secrets_of_cloud(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return the secrets that a deployment is configured with, and what each is."""

    def password(url: str) -> str:
        return sqlalchemy.make_url(url).password or ""

    users = {user["password"]: f"the password of {name}" for name, user in facts["users"].items()}
    return {
        **users,
        facts["service_user"]["password"]: "the password of the service's user",
        facts["trustee_domain"]["admin_password"]: "the password of the trustee domain's admin",
        password(facts["transport_url"]): "the password of the broker",
        password(facts["database"]["url_template"]): "the password of the database",
    }


def confessed(folder: pathlib.Path) -> dict[str, str]:
    """Return the secrets that processes made or read, and what each is."""
    found: dict[str, str] = {}
    for file in folder.glob("*.secrets"):
        for line in file.read_text().splitlines():
            what, _, secret = line.partition("\t")
            found[secret] = what
    return found
