# SPDX-License-Identifier: Apache-2.0
"""The networks of real nodes: what is read of Neutron, filters, DHCP. Nothing is really made."""

import dataclasses
import pathlib
from typing import Any

import pytest

from minicloud import settings
from minicloud.real_nodes import dhcp, fabric as fabric_module, firewall, neutron, shell
from minicloud.real_nodes.fabric import Fabric
from minicloud.real_nodes.picture import Floating, Picture, Port, Router, Rule, Subnet
from minicloud.real_nodes.places import Places

WEB = Rule(protocol="tcp", port_min=80, port_max=90)
SERVER = Port(
    id="aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa",
    network="net",
    mac="fa:16:3e:00:00:01",
    addresses=(("sub", "10.0.0.5"),),
    device="server-1",
    owner="compute:nova",
    groups=("group",),
)
OTHER = dataclasses.replace(
    SERVER,
    id="bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb",
    mac="fa:16:3e:00:00:02",
    addresses=(("sub", "10.0.0.6"),),
    device="server-2",
)
GATE = Port(
    id="cccccccc-cccc-4ccc-8ccc-cccccccccccc",
    network="net",
    mac="fa:16:3e:00:00:03",
    addresses=(("sub", "10.0.0.1"),),
    device="router",
    owner="network:router_interface",
)
SUBNET = Subnet("sub", "net", "10.0.0.0/24", "10.0.0.1", ("8.8.8.8",))
ROUTER = Router("router", "198.18.0.9")
FLOATING = Floating("198.18.0.50", "10.0.0.5", "router")


def picture_of(*rules: Rule, ports: tuple[Port, ...] = (SERVER, OTHER, GATE)) -> Picture:
    return Picture(ports, (SUBNET,), (ROUTER,), (FLOATING,), {"group": rules})


def admitted(*rules: Rule) -> list[str]:
    """Return what the rules let in to the first server, without the chain's name."""
    link = firewall.port_link(SERVER)
    lines = firewall.network_filter(picture_of(*rules), "net").splitlines()
    return [line.removeprefix(f"-A to-{link}").strip() for line in lines if f"A to-{link}" in line]


def test_filter_without_rules_lets_nobody_in() -> None:
    assert admitted() == ["-j DROP"]


@pytest.mark.parametrize(
    ("rule", "match"),
    [
        (Rule(), "-j ACCEPT"),
        (WEB, "-p 6 -m tcp --dport 80:90 -j ACCEPT"),
        (Rule(protocol="17", port_min=53), "-p 17 -m udp --dport 53:53 -j ACCEPT"),
        (Rule(protocol="tcp"), "-p 6 -j ACCEPT"),
        (Rule(protocol="icmp"), "-p 1 -j ACCEPT"),
        (Rule(protocol="icmp", port_min=8, port_max=0), "-p 1 -m icmp --icmp-type 8/0 -j ACCEPT"),
        (Rule(protocol="vrrp"), "-p 112 -j ACCEPT"),
        (Rule(remote_prefix="192.0.2.0/24"), "-s 192.0.2.0/24 -j ACCEPT"),
    ],
)
def test_filter_lets_in_what_a_rule_says(rule: Rule, match: str) -> None:
    assert admitted(rule) == [match, "-j DROP"]


def test_filter_with_a_remote_group_lets_in_its_members() -> None:
    rule = dataclasses.replace(WEB, remote_group="group")

    ports = "-p 6 -m tcp --dport 80:90 -j ACCEPT"
    assert admitted(rule) == [f"-s 10.0.0.5/32 {ports}", f"-s 10.0.0.6/32 {ports}", "-j DROP"]


def test_filter_leaves_out_a_protocol_that_is_not_of_ipv4() -> None:
    assert admitted(Rule(protocol="ipv6-icmp")) == ["-j DROP"]


def test_filter_lets_a_server_send_from_its_own_addresses_only() -> None:
    port = dataclasses.replace(SERVER, also=("172.16.0.0/24",))
    text = firewall.network_filter(picture_of(ports=(port, GATE)), "net")

    link = firewall.port_link(port)
    sending = [line for line in text.splitlines() if line.startswith(f"-A from-{link}")]
    assert sending == [
        f"-A from-{link} -s 10.0.0.5 -j RETURN",
        f"-A from-{link} -s 172.16.0.0/24 -j RETURN",
        f"-A from-{link} -j DROP",
    ]
    # Who asks for an address has none yet; that comes first.
    assert text.index("--dport 67") < text.index("-A INPUT -m physdev")
    assert text.index("physdev-in") < text.index("ESTABLISHED") < text.index("physdev-out")


def test_filter_spares_ports_without_security_and_routers() -> None:
    open_port = dataclasses.replace(SERVER, secured=False)

    assert "physdev" not in firewall.network_filter(picture_of(ports=(open_port, GATE)), "net")


def test_router_translates_floating_addresses_before_its_own() -> None:
    text = firewall.router_tables(ROUTER, [FLOATING])

    assert "-A PREROUTING -d 198.18.0.50/32 -j DNAT --to-destination 10.0.0.5" in text
    one = text.index("-s 10.0.0.5/32 -o outside -j SNAT --to-source 198.18.0.50")
    assert one < text.index("-o outside -j SNAT --to-source 198.18.0.9")


def test_router_without_gateway_translates_nothing() -> None:
    assert "SNAT" not in firewall.router_tables(Router("router", None), [])


def test_router_that_shall_not_translate_leaves_addresses_without_floating_ip() -> None:
    text = firewall.router_tables(dataclasses.replace(ROUTER, translates=False), [])

    assert "-o outside -j SNAT" not in text


def test_edge_serves_the_named_ports_and_refuses_the_rest() -> None:
    lines = firewall.edge_filter("198.19.0.1", [9511, 5000]).splitlines()

    served = "-A FORWARD -o host -d 198.19.0.1/32 -p tcp -m multiport --dports 5000,9511 -j ACCEPT"
    assert served in lines
    assert "REJECT" in lines[lines.index(served) + 1]
    assert ":FORWARD DROP [0:0]" in lines


def test_dhcp_routes_to_metadata_and_the_gateway(tmp_path: pathlib.Path) -> None:
    lines = dhcp.config(tmp_path, [SUBNET]).splitlines()

    assert "dhcp-range=set:subnet0,10.0.0.0,static,255.255.255.0,infinite" in lines
    routes = "169.254.169.254/32,0.0.0.0,0.0.0.0/0,10.0.0.1"
    assert f"dhcp-option=tag:subnet0,option:classless-static-route,{routes}" in lines
    assert "dhcp-option=tag:subnet0,option:dns-server,8.8.8.8" in lines
    assert "dhcp-option=tag:subnet0,option:mtu,1500" in lines


def test_dhcp_without_gateway_and_names_says_that_there_are_none(tmp_path: pathlib.Path) -> None:
    bare = dataclasses.replace(SUBNET, gateway=None, nameservers=())
    lines = dhcp.config(tmp_path, [bare]).splitlines()

    assert "dhcp-option=tag:subnet0,option:router" in lines
    assert "dhcp-option=tag:subnet0,option:dns-server" in lines
    assert not any("0.0.0.0/0" in line for line in lines)


def test_dhcp_serves_no_subnet_that_wants_none(tmp_path: pathlib.Path) -> None:
    assert "dhcp-range" not in dhcp.config(tmp_path, [dataclasses.replace(SUBNET, dhcp=False)])


def test_dhcp_knows_servers_only() -> None:
    assert dhcp.hosts([SERVER, GATE]) == "fa:16:3e:00:00:01,10.0.0.5\n"


PORT = {
    "id": "p",
    "network_id": "net",
    "mac_address": "fa:16:3e:00:00:01",
    "fixed_ips": [
        {"subnet_id": "sub", "ip_address": "10.0.0.5"},
        {"subnet_id": "six", "ip_address": "fd00::5"},
    ],
    "device_id": "server-1",
    "device_owner": "compute:nova",
    "security_groups": ["group"],
    "allowed_address_pairs": [{"ip_address": "172.16.0.0/24", "mac_address": "x"}],
    "port_security_enabled": True,
}
FOUND_SUBNET = {
    "id": "sub",
    "network_id": "net",
    "cidr": "10.0.0.0/24",
    "gateway_ip": "10.0.0.1",
    "dns_nameservers": [],
    "host_routes": [],
    "enable_dhcp": True,
    "ip_version": 4,
}
RULE = {
    "direction": "ingress",
    "ethertype": "IPv4",
    "protocol": "tcp",
    "port_range_min": 80,
    "port_range_max": 90,
    "remote_ip_prefix": None,
    "remote_group_id": None,
}


class FakeReply:
    def __init__(self, body: dict) -> None:
        self._body = body

    def json(self) -> dict:
        return self._body


class FakeNeutron:
    """Answers each list with what it has, whatever was asked; remembers the questions."""

    def __init__(self, **lists: list) -> None:
        self.lists = lists
        self.asked: list[str] = []

    def get(self, url: str) -> FakeReply:
        self.asked.append(url)
        name = url.removeprefix("/v2.0/").partition("?")[0].replace("-", "_")
        return FakeReply({name: self.lists.get(name, [])})


def test_picture_holds_what_neutron_says_about_ipv4() -> None:
    gate = PORT | {"id": "g", "device_id": "r", "device_owner": "network:router_interface"}
    rules = [RULE, RULE | {"direction": "egress"}, RULE | {"ethertype": "IPv6"}]
    outside = {"external_fixed_ips": [{"ip_address": "198.18.0.9"}], "enable_snat": True}
    floating = {"floating_ip_address": "198.18.0.50", "router_id": "r"}
    api: Any = FakeNeutron(
        ports=[PORT, gate],
        subnets=[FOUND_SUBNET, FOUND_SUBNET | {"id": "six", "ip_version": 6}],
        networks=[{"id": "net", "mtu": 1450}],
        routers=[{"id": "r", "external_gateway_info": outside}],
        floatingips=[
            floating | {"fixed_ip_address": "10.0.0.5"},
            floating | {"fixed_ip_address": None},
        ],
        security_groups=[{"id": "group", "security_group_rules": rules}],
    )

    picture = neutron.Neutron(api).read({"server-1"})

    (port,) = picture.ports_of("server-1")
    assert (port.addresses, port.also) == ((("sub", "10.0.0.5"),), ("172.16.0.0/24",))
    assert [(one.id, one.mtu) for one in picture.subnets] == [("sub", 1450)]
    assert picture.routers == (Router("r", "198.18.0.9"),)
    assert picture.floating == (Floating("198.18.0.50", "10.0.0.5", "r"),)
    assert picture.rules == {"group": (WEB,)}


def test_picture_without_ports_asks_for_nothing_more() -> None:
    api: Any = FakeNeutron()

    assert neutron.Neutron(api).read({"server-1"}) == Picture()
    assert api.asked == ["/v2.0/ports?device_id=server-1"]


class FakeKernel:
    """Keeps namespaces and links; remembers routes, addresses and filters as they come."""

    def __init__(self) -> None:
        self.links_of: dict[str, set[str]] = {}
        self.commands: list[tuple[str | None, str]] = []
        self.filters: list[str] = []

    def namespaces(self, start: str) -> set[str]:
        return {name for name in self.links_of if name.startswith(start)}

    def links(self, namespace: str) -> set[str]:
        return set(self.links_of[namespace])

    def add_namespace(self, name: str, *, forward: bool) -> None:
        self.links_of.setdefault(name, set())

    def delete_namespace(self, name: str) -> None:
        self.links_of.pop(name, None)

    def run(self, *words: str, text: str = "") -> str:
        assert words[:3] == ("ip", "netns", "add")
        self.add_namespace(words[3], forward=False)
        return ""

    def restore_filters(self, namespace: str, text: str, program: str = "") -> None:
        self.filters.append(namespace)

    def ask_ip(self, namespace: str | None, *words: str) -> list:
        return []

    def ip(self, namespace: str | None, commands: list[str]) -> None:
        for command in commands:
            self.commands.append((namespace, command))
            words = command.split()
            if words[:2] == ["link", "add"]:
                if namespace is not None:
                    self.links_of[namespace].add(words[2])
                if "peer" in words:
                    self.links_of[words[-1]].add(words[words.index("peer") + 2])
            elif words[:2] == ["link", "del"]:
                self.links_of[str(namespace)].remove(words[2])


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> FakeKernel:
    kernel = FakeKernel()
    for name in ("namespaces", "links", "add_namespace", "delete_namespace", "run"):
        monkeypatch.setattr(shell, name, getattr(kernel, name))
    monkeypatch.setattr(shell, "restore_filters", kernel.restore_filters)
    monkeypatch.setattr(shell, "ask_ip", kernel.ask_ip)
    monkeypatch.setattr(fabric_module, "ip", kernel.ip)
    return kernel


@pytest.fixture
def places(tmp_path: pathlib.Path) -> Places:
    return Places(settings.resolve(tmp_path, {}))


def test_fabric_makes_what_a_picture_shows(kernel: FakeKernel, places: Places) -> None:
    fabric = Fabric(places)
    fabric.make_edge()

    fabric.make(picture_of(WEB), {"server-1"})

    net, router = places.network("net"), places.router("router")
    assert kernel.links(places.node("server-1")) == {"eth0"}
    assert kernel.links(net) == {"bridge", "paaaaaaaaaaa", "pccccccccccc"}
    assert kernel.links(router) == {"outside", "iccccccccccc"}
    assert (router, "address add 10.0.0.1/24 dev iccccccccccc") in kernel.commands
    for address in ("198.18.0.9", "198.18.0.50"):
        assert (places.edge, f"route replace {address}/32 dev rrouter") in kernel.commands
        route = f"route replace unicast {address}/32 via 169.254.0.1 dev mc0001 table local"
        assert any(where is None and c.startswith(route) for where, c in kernel.commands)


def test_fabric_when_all_is_there_makes_no_link_again(kernel: FakeKernel, places: Places) -> None:
    fabric = Fabric(places)
    fabric.make_edge()
    fabric.make(picture_of(WEB), {"server-1"})
    kernel.commands.clear()
    kernel.filters.clear()

    fabric.make(picture_of(WEB), {"server-1"})

    assert not [c for _, c in kernel.commands if c.startswith("link")]
    assert kernel.filters == []


def test_fabric_follows_a_new_rule_in_the_filter_alone(kernel: FakeKernel, places: Places) -> None:
    fabric = Fabric(places)
    fabric.make_edge()
    fabric.make(picture_of(), {"server-1"})
    kernel.filters.clear()

    fabric.make(picture_of(WEB), {"server-1"})

    assert kernel.filters == [places.network("net")]


def test_fabric_removes_what_is_gone(kernel: FakeKernel, places: Places) -> None:
    fabric = Fabric(places)
    fabric.make_edge()
    fabric.make(picture_of(WEB), {"server-1", "server-2"})
    fabric.make(picture_of(WEB, ports=(SERVER, GATE)), {"server-1"})

    assert kernel.links(places.network("net")) == {"bridge", "paaaaaaaaaaa", "pccccccccccc"}

    fabric.make(Picture(), set())

    # A node's namespace goes with the node.
    left = {places.edge, places.node("server-1"), places.node("server-2")}
    assert kernel.namespaces("") == left


def test_names_of_two_clouds_differ(tmp_path: pathlib.Path) -> None:
    one, other = (
        Places(settings.resolve(tmp_path / n, {"address": f"198.19.0.{n}"})) for n in "12"
    )

    assert {one.edge, one.edge_address, one.host_link}.isdisjoint(
        {other.edge, other.edge_address, other.host_link}
    )
    assert len(one.host_link) < 16
