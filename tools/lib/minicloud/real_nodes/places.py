# SPDX-License-Identifier: Apache-2.0
"""Where the real nodes of one cloud lie, and how what belongs to them is named on this machine.

Names begin with a tag made of the cloud's address, so that two clouds never meet.
"""

import dataclasses
import ipaddress
import pathlib

from minicloud.real_nodes.servers import BARE
from minicloud.settings import Settings

METADATA_ADDRESS = "169.254.169.254"


@dataclasses.dataclass(frozen=True)
class Places:
    """Paths and names of one cloud's real nodes."""

    settings: Settings

    @property
    def tag(self) -> str:
        return f"mc{int(ipaddress.IPv4Address(self.settings.address)) & 0xFFFF:04x}"

    @property
    def root(self) -> pathlib.Path:
        """What all nodes boot from; nobody writes to it."""
        return self.settings.prefix / "node-root"

    @property
    def bare_layer(self) -> pathlib.Path:
        """What of the root is different where nodes have no engine: a layer above it."""
        return self.settings.prefix / "node-root-bare"

    def layers(self, root: str) -> str:
        """Return the folders that a node's own files lie upon, as an overlay's option has them.

        :param root: one of those of `servers`.
        """
        return f"{self.bare_layer}:{self.root}" if root == BARE else str(self.root)

    @property
    def folder(self) -> pathlib.Path:
        return self.settings.var / "real-nodes"

    @property
    def servers(self) -> pathlib.Path:
        """Where Nova's driver writes down which servers there should be."""
        return self.folder / "servers"

    @property
    def network_changes(self) -> pathlib.Path:
        """What Neutron's driver touches after each change; not there before the first one."""
        return self.settings.var / "neutron" / "changes"

    @property
    def machines(self) -> pathlib.Path:
        return self.folder / "machines"

    def machine(self, server: str) -> pathlib.Path:
        """Return the folder of a server's files and console log."""
        return self.machines / server

    def network_folder(self, network: str) -> pathlib.Path:
        return self.folder / "networks" / network

    @property
    def edge(self) -> str:
        """Name the namespace between this machine and the routers."""
        return f"{self.tag}-edge"

    @property
    def edge_address(self) -> str:
        """The edge's own address, which differs from cloud to cloud."""
        third, fourth = self.settings.address.split(".")[2:]
        return f"169.254.{third}.{fourth}"

    @property
    def host_link(self) -> str:
        """Name the link of this machine that leads to the edge."""
        return self.tag

    def network(self, network: str) -> str:
        return f"{self.tag}-net-{network}"

    def router(self, router: str) -> str:
        return f"{self.tag}-router-{router}"

    def node(self, server: str) -> str:
        """Name the namespace of a server; its control groups have the same name."""
        return f"{self.tag}-node-{server}"


def short(prefix: str, identity: str) -> str:
    """Return the name of a link: the kernel allows 15 characters."""
    return prefix + identity.replace("-", "")[:11]
