# SPDX-License-Identifier: Apache-2.0
"""The mini cloud as its users know it: up, down, and what its cloud.json says."""

import dataclasses
import json
import os
import pathlib
import subprocess
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[3]
DEFAULT_PREFIX = pathlib.Path(os.environ.get("MINICLOUD_PREFIX", "/opt/minicloud"))


class CloudFailed(Exception):
    """The mini cloud did not come up."""


@dataclasses.dataclass(frozen=True)
class User:
    """Somebody who can log in, with the project worked in."""

    name: str
    password: str
    project: str
    project_id: str
    id: str = ""


@dataclasses.dataclass(frozen=True)
class Cloud:
    """One mini cloud; ``facts`` is its cloud.json."""

    prefix: pathlib.Path
    facts: dict[str, Any]

    @classmethod
    def load(cls, prefix: pathlib.Path) -> "Cloud":
        """Read what the mini cloud at a prefix says of itself."""
        return cls(prefix, json.loads((prefix / "cloud.json").read_text()))

    @property
    def address(self) -> str:
        return str(self.facts["address"])

    @property
    def auth_url(self) -> str:
        return str(self.facts["auth_url"])

    @property
    def magnum_url(self) -> str:
        """The endpoint that the catalogue names for our service, without its version."""
        return f"http://{self.address}:{self.facts['magnum_port']}"

    def user(self, name: str) -> User:
        """Return one of the ordinary users, or admin."""
        known = self.facts["users"][name]
        return User(name, known["password"], known["project"], known["project_id"], known["id"])

    @property
    def service_user(self) -> User:
        known = self.facts["service_user"]
        return User(
            known["name"], known["password"], known["project"], known["project_id"], known["id"]
        )

    def database_url(self, name: str) -> str:
        """Return the SQLAlchemy URL of one of our databases; its name begins with `magnum`."""
        return str(self.facts["database"]["url_template"]).format(name=name)


def _minicloud(prefix: pathlib.Path, *words: str, quiet: bool = False) -> int:
    command = [str(ROOT / "tools" / "minicloud"), "--prefix", str(prefix), *words]
    output = subprocess.DEVNULL if quiet else None
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
    ).returncode


def is_up(prefix: pathlib.Path) -> bool:
    """Whether all services of the mini cloud at a prefix run."""
    return (prefix / "cloud.json").exists() and _minicloud(prefix, "status", quiet=True) == 0


def up(prefix: pathlib.Path, *options: str) -> Cloud:
    """Install and start whatever is not there yet, and say so on standard output.

    :param options: of `tools/minicloud up`.
    :raises CloudFailed: it does not come up.
    """
    if _minicloud(prefix, "up", *options):
        raise CloudFailed(f"the mini cloud did not come up; its logs are in {prefix}/log")
    return Cloud.load(prefix)


def down(prefix: pathlib.Path) -> None:
    """Stop the mini cloud; its software and its databases stay for the next time."""
    _minicloud(prefix, "down")
