# SPDX-License-Identifier: Apache-2.0
"""Put together what a node finds at its first boot.

A node gets files and one command, :data:`RUN_STEPS`, which runs the steps listed in
``/etc/magnum/steps``.  What they have to know is in two files that a shell can read, both only
for root: ``cluster.env`` is written here, ``node.env`` has placeholders that Heat fills in.

Called by the engine, which has it written by :mod:`~magnum.drivers.formats`.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType

RUN_STEPS = "/opt/magnum/bin/run-steps"

HEAT_VALUES = (
    "NODE_IP",
    "NODE_PORT_ID",
    "NODE_PUBLIC_IP",
    "NODE_USER_ID",
    "NODE_PASSWORD",
    "HEAT_SIGNAL",
    "CLUSTER_CIDR",
    "DOCKER_VOLUME_ID",
    "MANAGER_IPS",
    "JOIN_TOKEN",
    "TOKEN_SIGNAL",
)
"""Variables of ``node.env``; the node template has a placeholder for each."""

COMMON_SCRIPTS = ("node/run-steps.sh", "node/signal.sh", "node/provide.sh")
LIBRARIES = ("lib/step.sh", "lib/json.sh", "lib/http.sh", "lib/boot.sh")
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
    """Read a packaged script.

    :param name: its path below ``drivers/scripts``, or ``package:path`` for one of another package.
    """
    package, colon, path = name.rpartition(":")
    root = resources.files(package) if colon else resources.files("magnum.drivers") / "scripts"
    return root.joinpath(*path.split("/")).read_text(encoding="utf-8")


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
    steps: tuple[str, ...],
    environment: Mapping[str, object],
    ssh_public_key: str | None,
    own_steps: Mapping[str, str] = MappingProxyType({}),
) -> NodeConfig:
    """Put together what a node is given.

    :param own_steps: scripts of a driver's own by step, as :func:`read_script` names them.
    """
    known = step_scripts() | dict(own_steps)
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
