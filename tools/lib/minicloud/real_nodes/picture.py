# SPDX-License-Identifier: Apache-2.0
"""What Neutron knows of the networks that have real nodes, as far as packets care."""

import dataclasses
import ipaddress

ROUTER_INTERFACE = "network:router_interface"
SERVER = "compute:"


@dataclasses.dataclass(frozen=True)
class Rule:
    """A security group's rule on what may come in over IPv4; all that is None is any.

    For ICMP the ports are type and code, as in Neutron.
    """

    protocol: str | None = None
    port_min: int | None = None
    port_max: int | None = None
    remote_prefix: str | None = None
    remote_group: str | None = None


@dataclasses.dataclass(frozen=True)
class Port:
    """A port; `device` is its server or router, `also` what else it may send from."""

    id: str
    network: str
    mac: str
    addresses: tuple[tuple[str, str], ...]  # subnet, address
    device: str
    owner: str
    secured: bool = True
    groups: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    @property
    def is_servers(self) -> bool:
        return self.owner.startswith(SERVER)


@dataclasses.dataclass(frozen=True)
class Subnet:
    """A subnet of IPv4; `mtu` is its network's, in bytes."""

    id: str
    network: str
    cidr: str
    gateway: str | None
    nameservers: tuple[str, ...] = ()
    routes: tuple[tuple[str, str], ...] = ()  # destination, next hop
    dhcp: bool = True
    mtu: int = 1500

    @property
    def range(self) -> ipaddress.IPv4Network:
        return ipaddress.IPv4Network(self.cidr)


@dataclasses.dataclass(frozen=True)
class Router:
    """A router; without a gateway it leads nowhere outside."""

    id: str
    gateway: str | None
    translates: bool = True  # addresses that have no floating IP


@dataclasses.dataclass(frozen=True)
class Floating:
    """A floating IP that leads to a fixed address."""

    address: str
    fixed: str
    router: str


@dataclasses.dataclass(frozen=True)
class Picture:
    """All of it at one moment."""

    ports: tuple[Port, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    routers: tuple[Router, ...] = ()
    floating: tuple[Floating, ...] = ()
    rules: dict[str, tuple[Rule, ...]] = dataclasses.field(default_factory=dict)

    @property
    def networks(self) -> list[str]:
        return sorted({port.network for port in self.ports})

    def ports_of(self, device: str) -> list[Port]:
        """Return the ports of a server or router, in a lasting order."""
        return sorted((p for p in self.ports if p.device == device), key=lambda p: p.id)

    def ports_on(self, network: str) -> list[Port]:
        return sorted((p for p in self.ports if p.network == network), key=lambda p: p.id)

    def subnets_of(self, network: str) -> list[Subnet]:
        return sorted((s for s in self.subnets if s.network == network), key=lambda s: s.id)

    def subnet(self, identity: str) -> Subnet:
        """Return a subnet; one of another version, or made a moment ago, is a KeyError."""
        return {s.id: s for s in self.subnets}[identity]

    def floating_of(self, router: str) -> list[Floating]:
        return sorted((f for f in self.floating if f.router == router), key=lambda f: f.address)

    def members(self, group: str) -> list[str]:
        """Return the addresses of all ports of a security group."""
        members = (port for port in self.ports if group in port.groups)
        return sorted(address for port in members for _, address in port.addresses)
