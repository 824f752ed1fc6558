# SPDX-License-Identifier: Apache-2.0
"""What is open on nodes: from this machine, from another node, and by the rules in Neutron."""

import socket
from collections.abc import Iterable

from deployment.sessions import Session
from minicloud.real_nodes.machine import Machine
from tests.functional.real_nodes import RealNodes

PORTS = (22, 80, 2375, 2376, 2377, 7946, 8080)
_WORDS = {"0": "open", "1": "refused", "124": "filtered"}


def is_open(place: tuple[str, int]) -> bool:
    """Tell whether this machine is let in at an address and port."""
    try:
        socket.create_connection(place, timeout=5).close()
    except OSError:
        return False
    return True


def seen_from(
    real: RealNodes, node: Machine, address: str, asked: Iterable[int] = PORTS
) -> dict[int, str]:
    """Tell of each port at an address whether a node is let in, refused, or not heard."""
    ask = f'timeout 8 bash -c ": < /dev/tcp/{address}/$port" 2> /dev/null; echo $port $?'
    ports = " ".join(map(str, asked))
    printed = real.run(node, f"for port in {ports}; do ({ask}) & done; wait", 60)
    return {int(port): _WORDS[code] for port, code in map(str.split, printed.splitlines())}


def rules(session: Session, bay: str) -> set[tuple[str, str, int, str]]:
    """Return what the groups of a bay let in: group, protocol, port, from whom.

    :param bay: its name.
    """
    groups = [
        group
        for group in session.get("network", "/v2.0/security-groups")["security_groups"]
        if group["name"].startswith(f"{bay}-")
    ]
    names = {group["id"]: group["name"].rpartition("-")[2] for group in groups}
    found = set()
    for group in groups:
        for rule in group["security_group_rules"]:
            if rule["direction"] != "ingress":
                continue
            assert rule["port_range_min"] == rule["port_range_max"]
            assert rule["remote_ip_prefix"] in {None, "0.0.0.0/0"}
            remote = rule["remote_group_id"]
            assert remote is None or names.get(remote) == "node"
            whom = "everyone" if remote is None else "nodes"
            found.add((names[group["id"]], rule["protocol"], rule["port_range_min"], whom))
    return found
