# SPDX-License-Identifier: Apache-2.0
"""What the metadata service tells a server of itself, in OpenStack's and in EC2's form. Pure.

Sources: Nova's documentation of the metadata service; EC2's instance metadata of 2009-04-04.
"""

import json
from collections.abc import Sequence

from minicloud.real_nodes.picture import Picture, Port
from minicloud.real_nodes.servers import Server

OPENSTACK_VERSIONS = ("2012-08-10", "2013-10-17", "2015-10-15", "2017-02-22", "latest")
EC2_VERSIONS = ("2009-04-04", "latest")


def _meta_data(server: Server) -> dict[str, object]:
    return {
        "uuid": server.id,
        "name": server.name,
        "hostname": server.name,
        "availability_zone": "nova",
        "launch_index": 0,
        "public_keys": server.keys,
        "keys": [{"name": n, "type": "ssh", "data": key} for n, key in server.keys.items()],
        "meta": {},
    }


def _network_data(picture: Picture, ports: Sequence[Port]) -> dict[str, object]:
    links, networks, nameservers = [], [], {}
    for number, port in enumerate(ports):
        links.append(
            {
                "id": f"tap{port.id[:11]}",
                "vif_id": port.id,
                "type": "ovs",
                "mtu": min(
                    (picture.subnet(subnet).mtu for subnet, _ in port.addresses), default=1500
                ),
                "ethernet_mac_address": port.mac,
            }
        )
        networks.append(
            {
                "id": f"network{number}",
                "link": f"tap{port.id[:11]}",
                "type": "ipv4_dhcp",
                "network_id": port.network,
            }
        )
        for subnet, _ in port.addresses:
            nameservers.update(dict.fromkeys(picture.subnet(subnet).nameservers))
    services = [{"type": "dns", "address": address} for address in nameservers]
    return {"links": links, "networks": networks, "services": services}


def _ec2(server: Server, address: str) -> dict[str, bytes]:
    number = server.id.replace("-", "")[:8]
    texts = {
        "ami-id": "ami-00000001",
        "instance-id": f"i-{number}",
        "instance-type": "node",
        "hostname": server.name,
        "local-hostname": server.name,
        "local-ipv4": address,
        "reservation-id": f"r-{number}",
    }
    for position, key in enumerate(server.keys.values()):
        texts[f"public-keys/{position}/openssh-key"] = key
    return {f"meta-data/{name}": text.encode() for name, text in texts.items()}


def documents(server: Server, picture: Picture, address: str) -> dict[str, bytes]:
    """Return all that a server can read, by path.

    :param address: the one it asks from.
    """
    user_data = {"user_data": server.raw_user_data} if server.user_data else {}
    openstack = {
        "meta_data.json": json.dumps(_meta_data(server)).encode(),
        "network_data.json": json.dumps(
            _network_data(picture, picture.ports_of(server.id))
        ).encode(),
        "vendor_data.json": b"{}",
        "vendor_data2.json": b"{}",
        **user_data,
    }
    ec2 = _ec2(server, address)
    if server.user_data:
        ec2["user-data"] = server.raw_user_data
    return {
        **{f"openstack/{v}/{path}": d for v in OPENSTACK_VERSIONS for path, d in openstack.items()},
        **{f"{v}/{path}": d for v in EC2_VERSIONS for path, d in ec2.items()},
    }


def answer(server: Server, picture: Picture, address: str, path: str) -> bytes | None:
    """Return what is at a path: a document, or the names in a folder; None for nothing."""
    known = documents(server, picture, address)
    wanted = path.partition("?")[0].strip("/")
    if wanted in known:
        return known[wanted]
    start = f"{wanted}/" if wanted else ""
    names = dict.fromkeys(
        _entry(place.removeprefix(start), wanted, server)
        for place in known
        if place.startswith(start)
    )
    return "\n".join(names).encode() if names else None


def _entry(below: str, folder: str, server: Server) -> str:
    """Return how a folder lists what is below it: EC2's marks folders, and names keys."""
    name, slash, _ = below.partition("/")
    if folder.endswith("/public-keys"):
        return f"{name}={list(server.keys)[int(name)]}"
    return name + (slash if not folder.startswith("openstack") else "")
