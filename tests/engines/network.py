# SPDX-License-Identifier: Apache-2.0
"""A network of its own for some Docker engines, in namespaces of this machine.

The bridge is in a namespace too: every dockerd that ever ran on this machine has left rules there
that would drop what goes from node to node.  No node has a way out.
"""

import subprocess

PREFIX = "10.79.0"
HOST_ADDRESS = f"{PREFIX}.1"
_NAME = "mgeng"
_FABRIC = f"{_NAME}-fabric"
_HOST_LINK = f"{_NAME}-host"


def address(number: int) -> str:
    """Return the address of a node, counted from zero."""
    return f"{PREFIX}.{10 + number}"


def namespace(number: int) -> str:
    """Return the name of a node's network namespace."""
    return f"{_NAME}-{number}"


def up(count: int) -> None:
    """Make the network with places for so many nodes; what a dead run has left goes first."""
    down(count)
    _ip("netns", "add", _FABRIC)
    _ip("-n", _FABRIC, "link", "add", "bridge", "type", "bridge")
    _ip("-n", _FABRIC, "link", "set", "bridge", "up")
    _ip("link", "add", _HOST_LINK, "type", "veth", "peer", "name", "host", "netns", _FABRIC)
    _ip("-n", _FABRIC, "link", "set", "host", "master", "bridge", "up")
    _ip("addr", "add", f"{HOST_ADDRESS}/24", "dev", _HOST_LINK)
    _ip("link", "set", _HOST_LINK, "up")
    for number in range(count):
        _plug(number)


def _plug(number: int) -> None:
    inside, port = namespace(number), f"port{number}"
    _ip("netns", "add", inside)
    _ip("-n", _FABRIC, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", inside)
    _ip("-n", _FABRIC, "link", "set", port, "master", "bridge", "up")
    _ip("-n", inside, "addr", "add", f"{address(number)}/24", "dev", "eth0")
    _ip("-n", inside, "link", "set", "eth0", "up")
    _ip("-n", inside, "link", "set", "lo", "up")


def down(count: int) -> None:
    """Remove all of it, as far as it is there."""
    for name in (*(namespace(number) for number in range(count)), _FABRIC):
        _ip("netns", "delete", name, check=False)
    _ip("link", "delete", _HOST_LINK, check=False)


def _ip(*words: str, check: bool = True) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")
