# SPDX-License-Identifier: Apache-2.0
"""Run the short commands of which the network is made."""

import json
import pathlib
import subprocess
from collections.abc import Iterable
from typing import Any

NETNS = pathlib.Path("/run/netns")


class ShellError(OSError):
    """A command failed; the text is the command and its last words."""


def run(*words: str, text: str = "") -> str:
    """Run a command to its end, with a text on its standard input; return what it prints.

    :raises ShellError: it failed.
    """
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ShellError(f"{' '.join(words)[:200]}: {done.stderr.strip()[-500:]}")
    return done.stdout


def inside(namespace: str, *words: str) -> list[str]:
    """Return the command that runs another one in a network namespace.

    Not `ip netns exec`: that hides the control groups.
    """
    return ["nsenter", f"--net={NETNS / namespace}", *words]


def ip(namespace: str | None, commands: Iterable[str]) -> None:
    """Run commands of ip in one process, in a namespace or on this machine.

    :raises ShellError: one failed; those after it were not run.
    """
    text = "\n".join(commands)
    if text:
        run("ip", *_in(namespace), "-batch", "-", text=text + "\n")


def ask_ip(namespace: str | None, *words: str) -> list[dict[str, Any]]:
    """Return what ip shows, as it puts it in JSON."""
    return json.loads(run("ip", *_in(namespace), "-json", *words) or "[]")


def _in(namespace: str | None) -> list[str]:
    return ["-n", namespace] if namespace else []


def links(namespace: str) -> set[str]:
    """Return the names of all links in a namespace."""
    return {link["ifname"] for link in ask_ip(namespace, "link", "show")}


def namespaces(start: str) -> set[str]:
    """Return the names of the namespaces that begin with a text."""
    if not NETNS.is_dir():
        return set()
    return {path.name for path in NETNS.iterdir() if path.name.startswith(start)}


def add_namespace(name: str, *, forward: bool) -> None:
    """Make a namespace whose loopback works; leave one alone that is there.

    :param forward: whether packets may pass through it.
    """
    if name not in namespaces(name):
        run("ip", "netns", "add", name)
    switches = {
        "ip_forward": int(forward),
        # Who is asked from an unexpected side answers all the same.
        "conf/all/rp_filter": 0,
        "conf/default/rp_filter": 0,
        # Refusals are to be told each time.
        "icmp_ratelimit": 0,
    }
    script = "\n".join(f"echo {v} > /proc/sys/net/ipv4/{k}" for k, v in switches.items())
    run(*inside(name, "sh", "-ec", f"ip link set lo up\n{script}"))


def delete_namespace(name: str) -> None:
    """Delete a namespace and the links in it; one that is gone is no error."""
    if name in namespaces(name):
        run("ip", "netns", "del", name)


def restore_filters(namespace: str, text: str, program: str = "iptables-restore") -> None:
    """Replace the tables that a text is about, in one step."""
    run(*inside(namespace, program), text=text)
