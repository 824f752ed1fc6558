# SPDX-License-Identifier: Apache-2.0
"""Neutron: external networks, the addresses of a cluster's nodes, and leftover ports.

Spoken by a plain keystoneauth adapter: python-neutronclient's bindings are deprecated, and four
calls need no library.  The API looks networks up with the caller's session; everything about
ports is done with the service's session in the tenant's project.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from magnum.clients.errors import Missing, translate, translate_for_caller
from magnum.clients.sessions import CloudSession
from magnum.core import errors
from magnum.core.cluster import Role
from magnum.core.idents import is_uuid

_NAME = "Neutron"


@dataclass(frozen=True, slots=True)
class Port:
    """A port; ``device_owner`` tells what made it, for example ``compute:nova``."""

    id: str
    name: str
    device_owner: str
    device_id: str
    tags: frozenset[str]
    fixed_ips: tuple[str, ...]


def cluster_tag(cluster_uuid: str) -> str:
    """Return the tag that every port of a cluster's nodes carries."""
    return f"magnum-cluster-{cluster_uuid}"


def role_tag(role: Role) -> str:
    """Return the tag that says which nodes a port belongs to."""
    return f"magnum-role-{role}"


def check_external_network(session: CloudSession, name_or_id: str) -> None:
    """Check that a network is there for floating IPs to come from.

    :raises ReferencedMissing: the caller sees none of that id or name, or it is not external;
        HTTP 400.
    :raises Ambiguous: several have that name; HTTP 409.
    :raises Unavailable: Neutron does not answer.
    """
    rule = "be name or id of an external network"
    found = _only(session, "network", name_or_id, "external_network_id", rule)
    if not found["router:external"]:
        raise _wrong("external_network_id", name_or_id, rule)


def check_fixed_network(session: CloudSession, network: str, subnet: str | None) -> None:
    """Check that a network is there to put nodes on, and a subnet of it if one is given.

    Nodes speak IPv4 with each other, whatever addresses they have besides.

    :raises ReferencedMissing: the caller sees none of that id or name, the subnet is part of
        another network, or there is no IPv4 on it; HTTP 400.
    :raises Ambiguous: several have that name; HTTP 409.
    :raises Unavailable: Neutron does not answer.
    """
    rule = "be name or id of a network that you may use, or a new one's CIDR such as 10.0.0.0/24"
    found = _only(session, "network", network, "fixed_network", rule)
    if subnet is None:
        with translate_for_caller(_NAME):
            parts = _list(session, "subnets", network_id=found["id"])
        _check_version(parts, "fixed_network", network)
        return
    rule = f"be name or id of a subnet of the fixed_network {errors.first_sentence(network)}"
    part = _only(session, "subnet", subnet, "fixed_subnet", rule)
    if part["network_id"] != found["id"]:
        raise _wrong("fixed_subnet", subnet, rule)
    _check_version([part], "fixed_subnet", subnet)


def _check_version(subnets: list[dict[str, Any]], field: str, value: str) -> None:
    if not any(subnet["ip_version"] == 4 for subnet in subnets):
        raise _wrong(field, value, "have addresses of IPv4")


def addresses_of_node(
    session: CloudSession, cluster_uuid: str, role: Role, port_id: str
) -> set[str]:
    """Return the fixed and floating addresses of one of a cluster's nodes.

    :param port_id: of its port, which carries both :func:`cluster_tag` and :func:`role_tag`.
    :returns: nothing where the cluster has no such port of that role.
    :raises Unavailable: Neutron does not answer.
    """
    tags = f"{cluster_tag(cluster_uuid)},{role_tag(role)}"
    ports = _list(session, "ports", id=port_id, tags=tags, fields=["fixed_ips"])
    if not ports:
        return set()
    floating = _list(session, "floatingips", port_id=port_id, fields=["floating_ip_address"])
    return {ip["ip_address"] for port in ports for ip in port["fixed_ips"]} | {
        ip["floating_ip_address"] for ip in floating
    }


def ports_on_network(session: CloudSession, network_id: str) -> list[Port]:
    """Return what is still plugged into a network, which is what keeps it from going.

    :raises Unavailable: Neutron does not answer.
    """
    return [
        Port(
            id=port["id"],
            name=port["name"],
            device_owner=port["device_owner"],
            device_id=port["device_id"],
            tags=frozenset(port.get("tags", ())),
            fixed_ips=tuple(ip["ip_address"] for ip in port["fixed_ips"]),
        )
        for port in _list(session, "ports", network_id=network_id)
    ]


def delete_port(session: CloudSession, port_id: str) -> None:
    """Delete a port; one that is gone is fine.

    :raises Unavailable: Neutron does not answer.
    :raises ServiceRefused: it may not be deleted by itself, for example a router's.
    """
    with suppress(Missing), translate(_NAME):
        session.adapter("neutron", "v2.0").delete(f"/ports/{port_id}")


def _only(
    session: CloudSession, noun: str, name_or_id: str, field: str, rule: str
) -> dict[str, Any]:
    """Return the one thing that has that id, else that name, of those the caller sees.

    Heat, which will be given the name, does not choose among several either.

    :raises ReferencedMissing: there is none; ``field`` must ``rule`` then.
    :raises Ambiguous: there are several.
    """
    with translate_for_caller(_NAME):
        found = _list(session, f"{noun}s", id=name_or_id) if is_uuid(name_or_id) else []
        found = found or _list(session, f"{noun}s", name=name_or_id)
    if not found:
        raise _wrong(field, name_or_id, rule)
    if len(found) > 1:
        raise errors.Ambiguous(noun, name_or_id)
    return found[0]


def _wrong(field: str, value: str, rule: str) -> errors.ReferencedMissing:
    return errors.ReferencedMissing(errors.wrong(field, value, rule))


def _list(session: CloudSession, noun: str, **query: str | Sequence[str]) -> list[dict[str, Any]]:
    """List all of a noun; Neutron pages only when asked to, or when told to by its operator."""
    items: list[dict[str, Any]] = []
    with translate(_NAME):
        neutron = session.adapter("neutron", "v2.0")
        page = neutron.get(f"/{noun}", params=query).json()
        items += page[noun]
        while following := _next(page, noun):
            page = neutron.get(following).json()
            items += page[noun]
    return items


def _next(page: dict[str, Any], noun: str) -> str | None:
    links = page.get(f"{noun}_links", ())
    return next((link["href"] for link in links if link["rel"] == "next"), None)
