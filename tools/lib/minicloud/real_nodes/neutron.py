# SPDX-License-Identifier: Apache-2.0
"""Ask Neutron for the picture of the networks in which real nodes are."""

import ipaddress
from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import urlencode

from keystoneauth1 import adapter

from minicloud.real_nodes.picture import (
    ROUTER_INTERFACE,
    Floating,
    Picture,
    Port,
    Router,
    Rule,
    Subnet,
)

_AT_ONCE = 50  # ids in one question, so that no address gets too long


class Neutron:
    """Reads pictures."""

    def __init__(self, api: adapter.Adapter) -> None:
        self._api = api

    def _list(self, kind: str, key: str, values: Iterable[str]) -> list[dict[str, Any]]:
        """Return the things of a kind that have one of the values."""
        wanted = sorted(set(values))
        found = []
        for start in range(0, len(wanted), _AT_ONCE):
            query = urlencode([(key, value) for value in wanted[start : start + _AT_ONCE]])
            found += self._api.get(f"/v2.0/{kind}?{query}").json()[kind.replace("-", "_")]
        return found

    def read(self, servers: Collection[str]) -> Picture:
        """Return the picture of all networks that these servers have ports on."""
        own = self._list("ports", "device_id", servers)
        networks = {port["network_id"] for port in own}
        ports = tuple(map(to_port, self._list("ports", "network_id", networks)))
        subnets = self._list("subnets", "network_id", networks)
        mtus = {network["id"]: network["mtu"] for network in self._list("networks", "id", networks)}
        routers = {port.device for port in ports if port.owner == ROUTER_INTERFACE}
        groups = {group for port in ports if port.device in servers for group in port.groups}
        floating = self._list("floatingips", "router_id", routers)
        return Picture(
            ports=ports,
            subnets=tuple(
                to_subnet(subnet, mtus[subnet["network_id"]])
                for subnet in subnets
                if subnet["ip_version"] == 4 and subnet["network_id"] in mtus
            ),
            routers=tuple(map(to_router, self._list("routers", "id", routers))),
            floating=tuple(to_floating(one) for one in floating if one["fixed_ip_address"]),
            rules={
                group["id"]: to_rules(group["security_group_rules"])
                for group in self._list("security-groups", "id", groups)
            },
        )


def _is_ipv4(address: str) -> bool:
    return ipaddress.ip_network(address, strict=False).version == 4


def to_port(found: dict[str, Any]) -> Port:
    """Return a port as Neutron describes it, without its addresses of IPv6."""
    addresses = ((ip["subnet_id"], ip["ip_address"]) for ip in found["fixed_ips"])
    pairs = (pair["ip_address"] for pair in found.get("allowed_address_pairs", ()))
    return Port(
        id=found["id"],
        network=found["network_id"],
        mac=found["mac_address"],
        addresses=tuple(pair for pair in addresses if _is_ipv4(pair[1])),
        device=found["device_id"],
        owner=found["device_owner"],
        secured=found.get("port_security_enabled", True),
        groups=tuple(found["security_groups"]),
        also=tuple(filter(_is_ipv4, pairs)),
    )


def to_subnet(found: dict[str, Any], mtu: int) -> Subnet:
    """Return a subnet as Neutron describes it."""
    return Subnet(
        id=found["id"],
        network=found["network_id"],
        cidr=found["cidr"],
        gateway=found["gateway_ip"],
        nameservers=tuple(found["dns_nameservers"]),
        routes=tuple((r["destination"], r["nexthop"]) for r in found["host_routes"]),
        dhcp=found["enable_dhcp"],
        mtu=mtu,
    )


def to_router(found: dict[str, Any]) -> Router:
    """Return a router as Neutron describes it."""
    gateway = found["external_gateway_info"] or {}
    addresses = [ip["ip_address"] for ip in gateway.get("external_fixed_ips", ())]
    first = next(filter(_is_ipv4, addresses), None)
    return Router(found["id"], first, gateway.get("enable_snat", True))


def to_floating(found: dict[str, Any]) -> Floating:
    """Return a floating IP that leads somewhere."""
    return Floating(found["floating_ip_address"], found["fixed_ip_address"], found["router_id"])


def to_rules(found: Iterable[dict[str, Any]]) -> tuple[Rule, ...]:
    """Return the rules on what comes in over IPv4; those with address groups let nobody in."""
    return tuple(
        Rule(
            protocol=rule["protocol"],
            port_min=rule["port_range_min"],
            port_max=rule["port_range_max"],
            remote_prefix=rule["remote_ip_prefix"],
            remote_group=rule["remote_group_id"],
        )
        for rule in found
        if rule["direction"] == "ingress"
        and rule["ethertype"] == "IPv4"
        and not rule.get("remote_address_group_id")
    )
