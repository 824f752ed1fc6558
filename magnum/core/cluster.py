# SPDX-License-Identifier: Apache-2.0
"""What is wanted of a cluster and what is seen of it: the language between conductor and drivers.

Specs go into a driver, a status comes out.  All frozen, all inert: no database, no network.
"""

import base64
import uuid as uuidlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["master", "worker"]

DEFAULT_MASTER = "default-master"
DEFAULT_WORKER = "default-worker"


@dataclass(frozen=True, slots=True)
class TemplateSpec:
    """A cluster template (baymodel) as drivers see it; names are the API's."""

    coe: str
    server_type: str
    cluster_distro: str
    image_id: str
    external_network_id: str | None = None
    flavor_id: str | None = None
    master_flavor_id: str | None = None
    dns_nameserver: str | None = None
    fixed_network: str | None = None
    fixed_subnet: str | None = None
    network_driver: str | None = None
    volume_driver: str | None = None
    apiserver_port: int | None = None
    docker_volume_size: int | None = None
    docker_storage_driver: str | None = None
    http_proxy: str | None = None
    https_proxy: str | None = None
    no_proxy: str | None = None
    registry_enabled: bool = False
    insecure_registry: str | None = None
    tls_disabled: bool = False
    master_lb_enabled: bool = False
    floating_ip_enabled: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeGroupSpec:
    """A set of like nodes.  ``node_count`` is what is wanted, not what is there."""

    name: str
    role: Role
    node_count: int


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """A cluster as it is wanted.

    :ivar create_timeout_minutes: how long Heat and the nodes may take; at least 1.
    :ivar ssh_public_key: OpenSSH text put into every node's user data, or None.
    """

    uuid: str
    name: str
    project_id: str
    template: TemplateSpec
    node_groups: tuple[NodeGroupSpec, ...]
    create_timeout_minutes: int
    ssh_public_key: str | None = None
    discovery_url: str | None = None
    stack_id: str | None = None

    def count(self, role: Role) -> int:
        """Sum the nodes wanted over the node groups of one role."""
        return sum(group.node_count for group in self.node_groups if group.role == role)

    @property
    def master_count(self) -> int:
        """Masters wanted, over all node groups."""
        return self.count("master")

    @property
    def node_count(self) -> int:
        """Workers wanted, over all node groups."""
        return self.count("worker")

    @property
    def stack_name(self) -> str:
        """The one name its Heat stack can have, so that a lost answer never makes a second stack.

        ``<name>-<12 base32 characters of the uuid>``; Heat allows 255 characters.
        """
        return f"{self.name}-{short_id(self.uuid)}"


@dataclass(frozen=True, slots=True)
class NodeUser:
    """The Keystone user that the nodes of one role log in as, without any role in the cloud."""

    user_id: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NodeAccess:
    """What nodes need to reach the control plane; holds secrets, never logged or stored by us.

    :ivar auth_url: Keystone's public URL, ending in ``/v3``.
    :ivar magnum_url: this API's public URL, ending in ``/v1``.
    """

    auth_url: str
    magnum_url: str
    master: NodeUser
    worker: NodeUser


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker as its stack has it, whether or not it came to life.

    :ivar member: its name within its group in the stack.
    :ivar name: the name of its server, which is its host name too.
    :ivar server_id: Nova's id of it; None where there is no server.
    """

    member: str
    name: str
    server_id: str | None

    @property
    def removal(self) -> str:
        """What makes Heat remove this worker and no other."""
        return self.server_id or self.member


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """What a driver reads from a finished stack's outputs.

    :ivar workers: in the order in which they were made.
    """

    api_address: str | None = None
    master_addresses: tuple[str, ...] = ()
    node_addresses: tuple[str, ...] = ()
    workers: tuple[Worker, ...] = ()
    discovery_url: str | None = None


def short_id(uuid: str) -> str:
    """Shorten a uuid to 12 lower-case base32 characters (60 of its random bits).

    :raises ValueError: ``uuid`` is none.
    """
    number = uuidlib.UUID(uuid).int
    # A version 4 uuid has fixed bits in the middle; its first 48 and last 62 are random.
    bits = (number >> 80) << 12 | (number & 0xFFF)
    return base64.b32encode((bits << 4).to_bytes(8, "big"))[:12].decode().lower()
