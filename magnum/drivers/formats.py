# SPDX-License-Identifier: Apache-2.0
"""Write a node's configuration in the form that its operating system reads.

Everything but ``node.env`` is encoded, so no text of a user's can ever look like a placeholder.
Heat's values are any text: what would end a string where they come to stand is written
differently by Heat itself, see :class:`Format`.

Called by the engine.  The same configuration always gives the same text.
"""

import base64
import gzip
import json
import re
import string
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from magnum.core.errors import Invalid
from magnum.drivers.user_data import NodeConfig, NodeFile

MAX_BASE64_BYTES = 65535
"""Source: Nova's limit on user data, counted after encoding."""


def authorized_key(public_key: str) -> str:
    """Return an OpenSSH public key without its comment, which may be any text.

    :raises Invalid: the text is no such key.
    """
    words = public_key.split()
    if len(words) < 2 or not words[0].replace("-", "").replace("@", "").replace(".", "").isalnum():
        raise Invalid("The keypair is no SSH public key, nodes cannot use it.")
    try:
        base64.b64decode(words[1], validate=True)
    except ValueError:
        raise Invalid("The keypair is no SSH public key, nodes cannot use it.") from None
    return f"{words[0]} {words[1]}"


def cloud_config(config: NodeConfig) -> str:
    """Write a node's configuration for cloud-init.

    Source: cloud-init's modules write_files, runcmd and users_groups.
    """
    lines = ["#cloud-config"]
    if config.ssh_public_key:
        lines += ["ssh_authorized_keys:", f"- {authorized_key(config.ssh_public_key)}"]
    lines.append("write_files:")
    for file in config.files:
        lines += [f"- path: {file.path}", f"  permissions: '{file.mode:04o}'"]
        if file.has_placeholders:
            lines.append("  content: |")
            lines += [f"    {line}" for line in file.content.splitlines()]
        else:
            lines += ["  encoding: gz+b64", f"  content: {_packed(file.content)}"]
    lines += ["runcmd:", f"- {json.dumps([config.command])}"]
    return "\n".join(lines) + "\n"


def _packed(content: str) -> str:
    return base64.b64encode(gzip.compress(content.encode(), mtime=0)).decode()


IGNITION_VERSION = "3.3.0"
"""Understood by Flatcar from 3185 on and by every Fedora CoreOS since its introduction."""

IGNITION_USER = "core"

REBOOTERS = ("locksmithd.service", "zincati.service")
"""Would reboot nodes for updates when it pleases them: together, and without draining any."""

UNIT = """[Unit]
Description=Make this server a node of its cluster
Wants=network-online.target
After=network-online.target
ConditionPathExists=!/var/lib/magnum/signalled

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh {command}
StandardOutput=journal+console

[Install]
WantedBy=multi-user.target
"""

URL_SAFE = "-._~:/@!*,&+;()$"
"""Besides letters and digits, what stands for itself in a data URL that is a string of JSON."""


def ignition(config: NodeConfig) -> str:
    """Write a node's configuration for Ignition.

    Source: Ignition's configuration specification v3.3.0.  What cloud-init runs at the first boot
    alone is a unit here, which has nothing to do once the node has signalled.
    """
    unit = {
        "name": "magnum-node.service",
        "enabled": True,
        "contents": UNIT.format(command=config.command),
    }
    document: dict[str, Any] = {
        "ignition": {"version": IGNITION_VERSION},
        "storage": {"files": [_ignition_file(file) for file in config.files]},
        "systemd": {"units": [unit, *({"name": name, "mask": True} for name in REBOOTERS)]},
    }
    if config.ssh_public_key:
        keys = [authorized_key(config.ssh_public_key)]
        document["passwd"] = {"users": [{"name": IGNITION_USER, "sshAuthorizedKeys": keys}]}
    return json.dumps(document, indent=1) + "\n"


def _ignition_file(file: NodeFile) -> dict[str, Any]:
    if file.has_placeholders:
        contents = {"source": f"data:,{_percent_encoded(file.content)}"}
    else:
        contents = {"source": f"data:;base64,{_packed(file.content)}", "compression": "gzip"}
    return {"path": file.path, "mode": file.mode, "overwrite": True, "contents": contents}


def _percent_encoded(text: str) -> str:
    """Encode all but the placeholders, whose values Heat encodes."""
    parts = re.split(r"(%%\w+%%)", text)
    encoded = (
        part if at % 2 else urllib.parse.quote(part, URL_SAFE) for at, part in enumerate(parts)
    )
    return "".join(encoded)


@dataclass(frozen=True)
class Format:
    """How a configuration is written, and what Heat has to do to any text it puts into it.

    :ivar escapes: what stands for a character inside the single quotes of ``node.env``.
    """

    write: Callable[[NodeConfig], str]
    escapes: Mapping[str, str]


_IN_QUOTES = {"'": "'\\''"}

FORMATS: Mapping[str, Format] = {
    "cloud-config": Format(cloud_config, _IN_QUOTES),
    "ignition": Format(
        ignition,
        {
            letter: encoded
            for letter in f"{string.punctuation} "
            if (encoded := urllib.parse.quote(_IN_QUOTES.get(letter, letter), URL_SAFE)) != letter
        },
    ),
}
"""Formats by the name a manifest asks for."""
