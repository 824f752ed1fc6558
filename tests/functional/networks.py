# SPDX-License-Identifier: Apache-2.0
"""Networks that are there before a bay is made, and after."""

import contextlib
import dataclasses
import uuid
from collections.abc import Iterator

from deployment.sessions import Session


@dataclasses.dataclass(frozen=True)
class Network:
    """A network and its subnet, which have the same name."""

    name: str
    id: str
    subnet: str


@contextlib.contextmanager
def there(session: Session, cidr: str = "10.9.0.0/24") -> Iterator[Network]:
    """Have a network without a router in the caller's project."""
    name = f"there-{uuid.uuid4().hex[:8]}"
    body = {"network": {"name": name}}
    network = session.call("POST", "network", "/v2.0/networks", body)["network"]["id"]
    asked = {"network_id": network, "ip_version": 4, "cidr": cidr, "name": name}
    made = session.call("POST", "network", "/v2.0/subnets", {"subnet": asked})
    try:
        yield Network(name, network, made["subnet"]["id"])
    finally:
        session.call("DELETE", "network", f"/v2.0/networks/{network}")


@contextlib.contextmanager
def routed(session: Session, network: Network) -> Iterator[None]:
    """Have a router between a network and the world outside."""
    (public,) = session.get("network", "/v2.0/networks?name=public")["networks"]
    asked = {"name": network.name, "external_gateway_info": {"network_id": public["id"]}}
    made = session.call("POST", "network", "/v2.0/routers", {"router": asked})["router"]
    path, interface = f"/v2.0/routers/{made['id']}", {"subnet_id": network.subnet}
    session.call("PUT", "network", f"{path}/add_router_interface", interface)
    try:
        yield
    finally:
        session.call("PUT", "network", f"{path}/remove_router_interface", interface)
        session.call("DELETE", "network", path)
