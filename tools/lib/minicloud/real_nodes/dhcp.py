# SPDX-License-Identifier: Apache-2.0
"""What a network's dnsmasq is told. Pure.

It needs no address of the network's own range: it answers from the metadata service's address,
which every client reaches directly.
"""

import pathlib
from collections.abc import Sequence

from minicloud.real_nodes.picture import Port, Subnet
from minicloud.real_nodes.places import METADATA_ADDRESS

BRIDGE = "bridge"


def _routes(subnet: Subnet) -> str:
    """Return option 121; a client that gets it looks at no other route."""
    routes = [(f"{METADATA_ADDRESS}/32", "0.0.0.0"), *subnet.routes]
    if subnet.gateway:
        routes.append(("0.0.0.0/0", subnet.gateway))
    return ",".join(word for route in routes for word in route)


def config(folder: pathlib.Path, subnets: Sequence[Subnet]) -> str:
    """Return the configuration for the subnets of one network."""
    lines = [
        "port=0",  # no DNS
        f"interface={BRIDGE}",
        "except-interface=lo",
        "bind-interfaces",
        "user=root",
        "dhcp-authoritative",
        "dhcp-no-override",
        f"dhcp-leasefile={folder}/leases",
        f"dhcp-hostsfile={folder}/hosts",
    ]
    for number, subnet in enumerate(s for s in subnets if s.dhcp):
        start, mask = subnet.range.network_address, subnet.range.netmask
        tag = f"subnet{number}"
        lines += [
            f"dhcp-range=set:{tag},{start},static,{mask},infinite",
            f"shared-network={BRIDGE},{start}",
            f"dhcp-option=tag:{tag},option:mtu,{subnet.mtu}",
            f"dhcp-option=tag:{tag},option:router,{subnet.gateway or ''}".rstrip(","),
            f"dhcp-option=tag:{tag},option:classless-static-route,{_routes(subnet)}",
            f"dhcp-option=tag:{tag},option:dns-server,{','.join(subnet.nameservers)}".rstrip(","),
        ]
    return "\n".join(lines) + "\n"


def hosts(ports: Sequence[Port]) -> str:
    """Return which client has which address: those of servers, nobody else's."""
    return "".join(
        f"{port.mac},{address}\n"
        for port in ports
        if port.is_servers
        for _, address in port.addresses[:1]
    )
