# SPDX-License-Identifier: Apache-2.0
"""Read user data of either format as the node's operating system would."""

import base64
import gzip
import json
import urllib.parse
from dataclasses import dataclass
from typing import Any

import yaml

CLOUD_CONFIG = "#cloud-config\n"
KEYS = {
    "cloud-config": {"write_files", "runcmd", "ssh_authorized_keys"},
    "ignition": {"ignition", "storage", "systemd", "passwd"},
}


@dataclass(frozen=True)
class UserData:
    """What a node finds.

    :ivar keys: outermost keys of the document.
    :ivar modes: permissions by path.
    :ivar files: contents by path.
    :ivar commands: programs that are run at the first boot.
    :ivar ssh_keys: public keys of those who may log in.
    """

    format: str
    keys: frozenset[str]
    modes: dict[str, int]
    files: dict[str, str]
    commands: list[str]
    ssh_keys: list[str]

    @property
    def steps(self) -> list[str]:
        return self.files["/etc/magnum/steps"].split()


def is_user_data(text: str) -> bool:
    """Tell it from templates."""
    return text.startswith((CLOUD_CONFIG, "{"))


def read(text: str) -> UserData:
    """Take a document apart; Heat may have filled it in or not."""
    return _cloud_config(text) if text.startswith(CLOUD_CONFIG) else _ignition(text)


def _cloud_config(text: str) -> UserData:
    document = yaml.safe_load(text)
    entries = document.get("write_files", [])
    return UserData(
        "cloud-config",
        frozenset(document),
        {entry["path"]: int(entry["permissions"], 8) for entry in entries},
        {entry["path"]: _written(entry) for entry in entries},
        [words[0] for words in document.get("runcmd", [])],
        document.get("ssh_authorized_keys", []),
    )


def _written(entry: dict[str, str]) -> str:
    if entry.get("encoding") == "gz+b64":
        return gzip.decompress(base64.b64decode(entry["content"])).decode()
    return entry["content"]


def _ignition(text: str) -> UserData:
    document = json.loads(text)
    files = document["storage"]["files"]
    units = [unit["contents"] for unit in document["systemd"]["units"] if unit.get("enabled")]
    starts = [line for unit in units for line in unit.splitlines() if line.startswith("ExecStart=")]
    users = document.get("passwd", {}).get("users", [])
    return UserData(
        "ignition",
        frozenset(document),
        {file["path"]: file["mode"] for file in files},
        {file["path"]: _fetched(file["contents"]) for file in files},
        [line.removeprefix("ExecStart=/bin/sh ") for line in starts],
        [key for user in users if user["name"] == "core" for key in user["sshAuthorizedKeys"]],
    )


def _fetched(contents: dict[str, Any]) -> str:
    """Return what a data URL holds; a ``#`` in it would be its end.  Source: RFC 2397."""
    kind, comma, data = contents["source"].partition("#")[0].partition(",")
    assert comma, contents
    content = urllib.parse.unquote_to_bytes(data)
    if kind.endswith(";base64"):
        content = base64.b64decode(content, validate=True)
    if contents.get("compression") == "gzip":
        content = gzip.decompress(content)
    return content.decode()
