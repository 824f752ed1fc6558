# SPDX-License-Identifier: Apache-2.0
"""The cloud's address on this machine, and the route that keeps the external network here.

Every service listens on one address of the loopback interface. Network namespaces reach it
through any link to this machine, which 127.0.0.1 would not allow. The external network's range
is routed to the loopback as well: a floating IP is an address of this machine, and no packet for
it ever leaves.
"""

import json
import pathlib
import subprocess

from minicloud.settings import Settings


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def _note(settings: Settings) -> pathlib.Path:
    """Return where we remember which of the two we brought: they are ours to remove."""
    return settings.run / "network.json"


def add(settings: Settings) -> None:
    """Add the address and the route where they are missing."""
    note = _note(settings)
    ours = set(json.loads(note.read_text())) if note.exists() else set()
    if f" {settings.address}/" not in _ip("-4", "address", "show"):
        ours.add("address")
    if not _ip("route", "show", "table", "local", settings.external_range).strip():
        ours.add("route")
    note.write_text(json.dumps(sorted(ours)))  # before the deed, lest an interruption hide it
    if "address" in ours:
        _ip("address", "replace", f"{settings.address}/32", "dev", "lo")
    if "route" in ours:
        _ip("route", "replace", "local", settings.external_range, "dev", "lo")


def remove(settings: Settings) -> None:
    """Take away what `add` brought; what was there before stays."""
    note = _note(settings)
    if not note.exists():
        return
    ours = json.loads(note.read_text())
    undo = {
        "route": ("route", "del", "local", settings.external_range, "dev", "lo"),
        "address": ("address", "del", f"{settings.address}/32", "dev", "lo"),
    }
    for thing, words in undo.items():
        if thing in ours:
            subprocess.run(["ip", *words], capture_output=True, check=False)  # gone is good
    note.unlink()
