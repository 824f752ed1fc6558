# SPDX-License-Identifier: Apache-2.0
"""What the nodes have said on their consoles, for whoever has to find out why a bay failed."""

import pathlib

from minicloud.real_nodes import servers
from minicloud.real_nodes.machine import Machine
from minicloud.real_nodes.places import Places

_LAST = 3000  # characters of each


def ends(places: Places) -> str:
    """Return the end of each node's console log; empty when there are no nodes."""
    return "\n".join(
        f"--- console of {server.name}:\n{_end(Machine(places, identity).console)}"
        for identity, server in servers.load_all(places.servers).items()
    )


def _end(log: pathlib.Path) -> str:
    try:
        return log.read_text(errors="replace")[-_LAST:]
    except FileNotFoundError:
        return "it has none"
