# SPDX-License-Identifier: Apache-2.0
"""The cloud's address on this machine, and the route that keeps the external network here.

Every service listens on one address of the loopback interface. Network namespaces reach it
through any link to this machine, which 127.0.0.1 would not allow. The external network's range
is routed to the loopback as well: a floating IP is an address of this machine, and no packet for
it ever leaves.
"""

import json
import subprocess

from minicloud.settings import Settings


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def add(settings: Settings) -> None:
    """Add the address and the route, and remember which of them are ours to remove."""
    note = settings.run / "network.json"
    if note.exists():
        ours = json.loads(note.read_text())
    else:
        ours = {
            "address": f" {settings.address}/" not in _ip("-4", "address", "show"),
            "route": not _ip("route", "show", "table", "local", settings.external_range).strip(),
        }
        note.write_text(json.dumps(ours))  # before the deed: an interrupted `up` is cleaned up too
    if ours["address"]:
        _ip("address", "replace", f"{settings.address}/32", "dev", "lo")
    _ip("route", "replace", "local", settings.external_range, "dev", "lo")


def remove(settings: Settings) -> None:
    """Take away what `add` brought; what was there before stays."""
    note = settings.run / "network.json"
    if not note.exists():
        return
    ours = json.loads(note.read_text())
    undo = {
        "route": ("route", "del", "local", settings.external_range, "dev", "lo"),
        "address": ("address", "del", f"{settings.address}/32", "dev", "lo"),
    }
    for thing, words in undo.items():
        if ours[thing]:
            subprocess.run(["ip", *words], capture_output=True, check=False)  # gone is good
    note.unlink()
