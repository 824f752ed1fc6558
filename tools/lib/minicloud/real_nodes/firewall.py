# SPDX-License-Identifier: Apache-2.0
"""The filters of networks, routers and the edge, as text for iptables-restore. Pure."""

from collections.abc import Collection, Iterable

from minicloud.real_nodes.picture import Floating, Picture, Port, Router, Rule
from minicloud.real_nodes.places import short

OUTSIDE = "outside"
"""A router's link to the edge."""
HOST = "host"
"""The edge's link to this machine."""
ROUTER_LINKS = "r+"
"""All links of the edge to routers."""

NO_IPV6 = "*filter\n:INPUT DROP\n:FORWARD DROP\nCOMMIT\n"

# Neutron's names, which not every machine knows. Source: IANA's protocol numbers.
_PROTOCOLS = {
    "icmp": 1,
    "igmp": 2,
    "ipip": 4,
    "tcp": 6,
    "egp": 8,
    "udp": 17,
    "dccp": 33,
    "rsvp": 46,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "ospf": 89,
    "vrrp": 112,
    "pgm": 113,
    "sctp": 132,
    "udplite": 136,
}
_WITH_PORTS = {6: "tcp", 17: "udp", 33: "dccp", 132: "sctp"}
_KNOWN_CONNECTION = "-m conntrack --ctstate RELATED,ESTABLISHED"


def _table(name: str, chains: Iterable[str], lines: Iterable[str]) -> str:
    return "\n".join([f"*{name}", *chains, *lines, "COMMIT", ""])


def port_link(port: Port) -> str:
    """Name the link of a port at its network's bridge."""
    return short("p", port.id)


def _kind(rule: Rule) -> str | None:
    """Return the match of a rule's protocol and ports; None for one that is not IPv4's."""
    if rule.protocol in {None, "any", "0"}:
        return ""
    name = str(rule.protocol)
    number = int(name) if name.isdigit() else _PROTOCOLS.get(name)
    if number is None:
        return None
    match = f" -p {number}"
    if rule.port_min is None:
        return match
    if number == 1:
        code = "" if rule.port_max is None else f"/{rule.port_max}"
        return f"{match} -m icmp --icmp-type {rule.port_min}{code}"
    if number in _WITH_PORTS:
        last = rule.port_min if rule.port_max is None else rule.port_max
        return f"{match} -m {_WITH_PORTS[number]} --dport {rule.port_min}:{last}"
    return match


def _admissions(rule: Rule, picture: Picture) -> list[str]:
    """Return what a rule lets in, one match a source."""
    kind = _kind(rule)
    if kind is None:
        return []
    if rule.remote_group:
        return [f" -s {address}/32{kind}" for address in picture.members(rule.remote_group)]
    return [f" -s {rule.remote_prefix}{kind}" if rule.remote_prefix else kind]


def network_filter(picture: Picture, network: str) -> str:
    """Filter what passes a network's bridge: security groups, and nobody's false sender.

    The services of the network itself are reached by all its nodes.
    """
    ports = [p for p in picture.ports_on(network) if p.is_servers and p.secured]
    chains = [":INPUT ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]"]
    senders, first, lines = [], [], []
    for port in ports:
        link = port_link(port)
        chains += [f":from-{link} - [0:0]", f":to-{link} - [0:0]"]
        own = [address for _, address in port.addresses]
        senders += [f"-A from-{link} -s {address} -j RETURN" for address in (*own, *port.also)]
        senders += [f"-A from-{link} -j DROP"]
        first += [
            f"-A INPUT -m physdev --physdev-in {link} -j from-{link}",
            f"-A FORWARD -m physdev --physdev-is-bridged --physdev-in {link} -j from-{link}",
        ]
        lines.append(
            f"-A FORWARD -m physdev --physdev-is-bridged --physdev-out {link} -j to-{link}"
        )
        rules = [rule for group in port.groups for rule in picture.rules.get(group, ())]
        admitted = dict.fromkeys(match for rule in rules for match in _admissions(rule, picture))
        lines += [f"-A to-{link}{match} -j ACCEPT" for match in admitted]
        lines.append(f"-A to-{link} -j DROP")
    dhcp = "-A INPUT -p udp -m udp --dport 67 -j ACCEPT"
    known = f"-A FORWARD {_KNOWN_CONNECTION} -j ACCEPT"
    return _table("filter", chains, [*senders, dhcp, *first, known, *lines])


def router_tables(router: Router, floating: Collection[Floating]) -> str:
    """Translate addresses as a router does: floating IPs, and its own address for all else."""
    nat = [f"-A PREROUTING -d {f.address}/32 -j DNAT --to-destination {f.fixed}" for f in floating]
    # From within to a floating IP within: the answer must come back by this way.
    if router.gateway:
        nat += [
            "-A POSTROUTING -m mark --mark 1 -j ACCEPT",
            f"-A POSTROUTING -m conntrack --ctstate DNAT -j SNAT --to-source {router.gateway}",
        ]
    nat += [
        f"-A POSTROUTING -s {f.fixed}/32 -o {OUTSIDE} -j SNAT --to-source {f.address}"
        for f in floating
    ]
    if router.gateway and router.translates:
        nat.append(f"-A POSTROUTING -o {OUTSIDE} -j SNAT --to-source {router.gateway}")
    chains = [":PREROUTING ACCEPT [0:0]", ":POSTROUTING ACCEPT [0:0]"]
    marks = [f"-A PREROUTING -i {OUTSIDE} -j MARK --set-mark 1"]
    return _table("mangle", chains[:1], marks) + _table("nat", chains, nat)


def edge_filter(address: str, ports: Collection[int]) -> str:
    """Let routers reach one another and some ports of the cloud's address, nothing else.

    What is refused is told at once, so that no name look-up of a node waits in vain.
    """
    served = ",".join(map(str, sorted(ports)))
    lines = [
        f"-A FORWARD {_KNOWN_CONNECTION} -j ACCEPT",
        f"-A FORWARD -i {HOST} -j ACCEPT",
        f"-A FORWARD -i {ROUTER_LINKS} -o {ROUTER_LINKS} -j ACCEPT",
        f"-A FORWARD -o {HOST} -d {address}/32 -p tcp -m multiport --dports {served} -j ACCEPT",
        "-A FORWARD -p tcp -j REJECT --reject-with tcp-reset",
        "-A FORWARD -j REJECT --reject-with icmp-port-unreachable",
    ]
    return _table("filter", [":FORWARD DROP [0:0]"], lines)
