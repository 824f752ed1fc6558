# SPDX-License-Identifier: Apache-2.0
"""Make the networks of a picture out of namespaces, bridges, links, routes and filters.

Each function compares the picture with what the kernel has, so that a runner which starts anew
just goes on. Nothing is in this machine's own namespace but one link to the edge, and a route for
each address outside that a router has.

    this machine -- edge -- router ... router
                              |          |
                           network -- network     a bridge each, in a namespace of its own
                            |   |
                          node node
"""

from collections.abc import Sequence

from minicloud.real_nodes import firewall, shell
from minicloud.real_nodes.dhcp import BRIDGE
from minicloud.real_nodes.firewall import HOST, OUTSIDE, port_link
from minicloud.real_nodes.picture import ROUTER_INTERFACE, Picture, Port, Router
from minicloud.real_nodes.places import METADATA_ADDRESS, Places, short
from minicloud.real_nodes.shell import ShellError, ip

# What a node may reach of the cloud; of this machine it reaches nothing else.
SERVED = ("keystone", "heat", "heat-cfn", "barbican", "magnum", "registry", "mirror")


class Fabric:
    """The networks of one cloud's real nodes."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._filters: dict[str, str] = {}

    def _restore(self, namespace: str, text: str) -> None:
        if self._filters.get(namespace) != text:
            shell.restore_filters(namespace, text)
            self._filters[namespace] = text

    def make_edge(self) -> None:
        """Make the way between this machine and the routers."""
        places, settings = self._places, self._places.settings
        address, edge, link = settings.address, places.edge, places.host_link
        shell.add_namespace(edge, forward=True)
        if HOST not in shell.links(edge):
            ip(None, [f"link add {link} type veth peer name {HOST} netns {edge}"])
        ip(
            edge,
            [
                f"address replace {places.edge_address}/32 dev lo",
                f"link set {HOST} up",
                f"route replace {address}/32 dev {HOST}",
                f"route replace default via {address} dev {HOST} onlink",
            ],
        )
        route = f"route replace {places.edge_address}/32 dev {link} src {address}"
        ip(None, [f"link set {link} up", route])
        self._restore(edge, firewall.edge_filter(address, [settings.ports[n] for n in SERVED]))

    def remove_all(self) -> None:
        """Remove all namespaces of this cloud, and with them every link and route."""
        for name in sorted(shell.namespaces(f"{self._places.tag}-")):
            shell.delete_namespace(name)

    def make(self, picture: Picture, servers: set[str]) -> None:
        """Make all that is in the picture, and remove what no longer is.

        :param servers: those that are real nodes.
        """
        for network in picture.networks:
            self._make_network(picture, network)
        for router in picture.routers:
            self._make_router(picture, router)
        self._make_routes(picture)
        for server in servers:
            for number, port in enumerate(picture.ports_of(server)):
                self._make_node_port(port, server, number)
        for network in picture.networks:
            self._drop_links(picture, network, servers)
            self._restore(self._places.network(network), firewall.network_filter(picture, network))
        self._drop_namespaces(picture, servers)

    def _make_network(self, picture: Picture, network: str) -> None:
        name = self._places.network(network)
        if name not in shell.namespaces(name):
            shell.add_namespace(name, forward=False)
            ip(
                name,
                [
                    f"link add {BRIDGE} type bridge forward_delay 0",
                    f"link set {BRIDGE} up",
                    f"address add {METADATA_ADDRESS}/32 dev {BRIDGE}",
                ],
            )
            shell.restore_filters(name, firewall.NO_IPV6, "ip6tables-restore")
        # Answers of DHCP and metadata find their way.
        ip(name, [f"route replace {s.cidr} dev {BRIDGE}" for s in picture.subnets_of(network)])

    def _make_router(self, picture: Picture, router: Router) -> None:
        name, edge = self._places.router(router.id), self._places.edge
        shell.add_namespace(name, forward=True)
        present = shell.links(name)
        if router.gateway and OUTSIDE not in present:
            link = short("r", router.id)
            via = self._places.edge_address
            ip(edge, [f"link add {link} type veth peer name {OUTSIDE} netns {name}"])
            ip(edge, [f"link set {link} up"])
            ip(
                name,
                [
                    f"link set {OUTSIDE} up",
                    f"route replace {via}/32 dev {OUTSIDE}",
                    f"route replace default via {via} dev {OUTSIDE} onlink",
                ],
            )
        wanted = set()
        for port in picture.ports_of(router.id):
            if port.owner == ROUTER_INTERFACE:
                wanted.add(short("i", port.id))
                if short("i", port.id) not in present:
                    self._make_interface(picture, port, name)
        surplus = [link for link in present if link.startswith("i") and link not in wanted]
        _delete_links(name, surplus)
        self._restore(name, firewall.router_tables(router, picture.floating_of(router.id)))

    def _make_interface(self, picture: Picture, port: Port, router: str) -> None:
        link = short("i", port.id)
        self._plug(port, link, router)
        commands = [f"link set {link} up"]
        for subnet, address in port.addresses:
            length = picture.subnet(subnet).range.prefixlen
            commands.append(f"address add {address}/{length} dev {link}")
        ip(router, commands)

    def _plug(self, port: Port, link: str, namespace: str) -> None:
        """Connect a namespace to the bridge of a port's network by a link that is the port."""
        here, there = port_link(port), f"{link} address {port.mac} netns {namespace}"
        commands = [
            f"link add {here} type veth peer name {there}",
            f"link set {here} master {BRIDGE} up",
        ]
        ip(self._places.network(port.network), commands)

    def _make_routes(self, picture: Picture) -> None:
        """Have all outside addresses of routers known there, at the edge and on this machine."""
        places, address = self._places, self._places.settings.address
        ways: dict[str, str] = {}
        for router in picture.routers:
            if router.gateway is None:
                continue
            outside = [router.gateway, *(f.address for f in picture.floating_of(router.id))]
            ways |= dict.fromkeys(outside, short("r", router.id))
            _replace_addresses(places.router(router.id), OUTSIDE, outside)
        edge = _routes(places.edge)
        ip(
            places.edge,
            [f"route replace {a}/32 dev {d}" for a, d in ways.items() if edge.get(a) != d],
        )
        gone = [a for a, d in edge.items() if d.startswith("r") and a not in ways]
        ip(places.edge, [f"route del {a}/32" for a in gone])
        self._make_host_routes(ways, address)

    def _make_host_routes(self, ways: dict[str, str], address: str) -> None:
        """Route addresses outside to the edge, ahead of the route that keeps all of them here."""
        via, link = self._places.edge_address, self._places.host_link
        here = _routes(None, "table", "local", "dev", link)
        table = f"dev {link} table local"
        ip(
            None,
            [
                *(
                    f"route replace unicast {a}/32 via {via} {table} src {address} onlink"
                    for a in ways
                    if a not in here
                ),
                *(f"route del unicast {a}/32 {table}" for a in here if a not in ways),
            ],
        )

    def _make_node_port(self, port: Port, server: str, number: int) -> None:
        name = self._places.node(server)
        if name not in shell.namespaces(name):
            shell.run("ip", "netns", "add", name)
        if f"eth{number}" not in shell.links(name):
            self._plug(port, f"eth{number}", name)

    def _drop_links(self, picture: Picture, network: str, servers: set[str]) -> None:
        name = self._places.network(network)
        wanted = {
            port_link(port)
            for port in picture.ports_on(network)
            if port.owner == ROUTER_INTERFACE or port.device in servers
        }
        surplus = [n for n in shell.links(name) if n.startswith("p") and n not in wanted]
        _delete_links(name, surplus)

    def _drop_namespaces(self, picture: Picture, servers: set[str]) -> None:
        """Remove networks and routers; a node's namespace goes with the node."""
        places = self._places
        wanted = {places.network(network) for network in picture.networks}
        wanted |= {places.router(router.id) for router in picture.routers}
        for start in (places.network(""), places.router("")):
            for name in shell.namespaces(start) - wanted:
                shell.delete_namespace(name)
                self._filters.pop(name, None)


def _delete_links(namespace: str, names: Sequence[str]) -> None:
    """Delete links; one whose other end goes at this moment may be gone before."""
    for name in names:
        try:
            ip(namespace, [f"link del {name}"])
        except ShellError:
            if name in shell.links(namespace):
                raise


def _replace_addresses(namespace: str, link: str, wanted: Sequence[str]) -> None:
    shown = shell.ask_ip(namespace, "-4", "address", "show", "dev", link)
    present = {a["local"] for one in shown for a in one.get("addr_info", ())}
    ip(
        namespace,
        [
            *(f"address add {a}/32 dev {link}" for a in wanted if a not in present),
            *(f"address del {a}/32 dev {link}" for a in present if a not in wanted),
        ],
    )


def _routes(namespace: str | None, *words: str) -> dict[str, str]:
    """Return the routes to single addresses, each with its link."""
    try:
        shown = shell.ask_ip(namespace, "-4", "route", "show", *words)
    except ShellError:  # the link is gone
        return {}
    return {r["dst"]: r.get("dev", "") for r in shown if "." in r["dst"] and "/" not in r["dst"]}
