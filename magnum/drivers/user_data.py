# SPDX-License-Identifier: Apache-2.0
"""Build what a node finds at its first boot.

A node gets files and one command, :data:`RUN_STEPS`, which runs the steps listed in
``/etc/magnum/steps``.  What they have to know is in two files that a shell can read, both only
for root: ``cluster.env`` is written here, ``node.env`` has placeholders that Heat fills in.
Everything but ``node.env`` is encoded, so no text of a user's can ever look like a placeholder.

Called by the engine.  The same cluster always gives the same text.
"""

import base64
import gzip
import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources

from magnum.core.errors import Invalid

MAX_BASE64_BYTES = 65535
"""Source: Nova's limit on user data, counted after encoding."""

RUN_STEPS = "/opt/magnum/bin/run-steps"

HEAT_VALUES = (
    "NODE_IP",
    "NODE_PUBLIC_IP",
    "NODE_USER_ID",
    "NODE_PASSWORD",
    "HEAT_SIGNAL",
    "FIRST_MASTER_IP",
    "JOIN_TOKEN",
    "TOKEN_SIGNAL",
)
"""Variables of ``node.env``; the node template has a placeholder for each."""

COMMON_SCRIPTS = ("node/run-steps.sh", "node/signal.sh")
LIBRARIES = ("lib/step.sh", "lib/json.sh", "lib/http.sh")
NOT_STEPS = ("lib", "node")


@dataclass(frozen=True)
class NodeFile:
    """A file on a node.

    :ivar mode: its permissions, for example ``0o600``.
    :ivar has_placeholders: Heat still has to put values in, so it must stay plain text.
    """

    path: str
    mode: int
    content: str
    has_placeholders: bool = False


@dataclass(frozen=True)
class NodeConfig:
    """What a node is given, before it takes the form its operating system reads."""

    files: tuple[NodeFile, ...]
    command: str
    ssh_public_key: str | None


def placeholder(name: str) -> str:
    """Write the text that Heat replaces; no base64 text holds a percent sign."""
    return f"%%{name}%%"


def env_file(values: Mapping[str, object]) -> str:
    """Write variables so that a POSIX shell reads back exactly their values."""
    return "".join(f"{name}={_quoted(str(value))}\n" for name, value in values.items())


def _quoted(text: str) -> str:
    quoted = shlex.quote(text)
    return quoted if quoted.startswith("'") else f"'{quoted}'"


def read_script(name: str) -> str:
    """Read a packaged script, named by its path below ``drivers/scripts``."""
    path = resources.files("magnum.drivers").joinpath("scripts", *name.split("/"))
    return path.read_text(encoding="utf-8")


def step_scripts() -> dict[str, str]:
    """Map every step's name to its script's path below ``drivers/scripts``."""
    root = resources.files("magnum.drivers").joinpath("scripts")
    return {
        _stem(script.name): f"{folder.name}/{script.name}"
        for folder in root.iterdir()
        if folder.is_dir() and folder.name not in NOT_STEPS
        for script in folder.iterdir()
        if script.name.endswith(".sh")
    }


def _stem(name: str) -> str:
    return name.rpartition("/")[2].removesuffix(".sh")


def node_config(
    steps: tuple[str, ...], environment: Mapping[str, object], ssh_public_key: str | None
) -> NodeConfig:
    """Put together what a node is given."""
    known = step_scripts()
    scripts = [(f"bin/{_stem(name)}", 0o755, name) for name in COMMON_SCRIPTS]
    scripts += [(name, 0o644, name) for name in LIBRARIES]
    scripts += [(f"bin/{step}.sh", 0o755, known[step]) for step in steps]
    files = (
        NodeFile("/etc/magnum/cluster.env", 0o600, env_file(environment)),
        NodeFile(
            "/etc/magnum/node.env",
            0o600,
            "".join(f"{name}='{placeholder(name)}'\n" for name in HEAT_VALUES),
            has_placeholders=True,
        ),
        NodeFile("/etc/magnum/steps", 0o644, "".join(f"{step}\n" for step in steps)),
        *(NodeFile(f"/opt/magnum/{path}", mode, read_script(name)) for path, mode, name in scripts),
    )
    return NodeConfig(files, RUN_STEPS, ssh_public_key)


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


FORMATS: dict[str, Callable[[NodeConfig], str]] = {"cloud-config": cloud_config}
"""How a configuration is written, by the name a manifest asks for."""
