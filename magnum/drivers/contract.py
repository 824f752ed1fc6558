# SPDX-License-Identifier: Apache-2.0
"""What the conductor and the API may ask of a driver, and what they get.

Every driver, ours or one from another package, is seen through these types alone.  Pure: no
database, no network, no configuration.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from magnum.core.cluster import ClusterSpec, ClusterStatus, NodeAccess, Role, TemplateSpec


class Triple(NamedTuple):
    """What a driver is chosen by."""

    server_type: str
    os: str
    coe: str

    def __str__(self) -> str:
        return f"{self.coe} on {self.os} ({self.server_type})"


@dataclass(frozen=True)
class StackRequest:
    """A Heat stack to be created, in full.

    :ivar template: the parsed HOT.
    :ivar files: content by the name under which ``get_file`` and nested types refer to it.
    :ivar parameters: values by Heat parameter; holds the passwords of the node users.
    :ivar tags: each at most 80 characters and without a comma, as Heat wants them.
    :ivar timeout_minutes: after which Heat gives up, at least 1.
    """

    name: str
    template: dict[str, Any]
    files: Mapping[str, str]
    parameters: Mapping[str, Any] = field(repr=False)
    tags: tuple[str, ...]
    timeout_minutes: int


@dataclass(frozen=True)
class NodeCertificateRule:
    """What the node user of one role may have signed; no request outside of it is.

    Besides, every subject alternative name has to be 127.0.0.1 or an address of the port of that
    role whose id the request tells: of the node's own, which only the API can look up.

    :ivar common_names: the subject's common name has to be one of them.
    :ivar organizations: allowed organizations; empty means that the subject may have none.
    :ivar extended_key_usages: allowed usages in the words of RFC 5280, such as ``serverAuth``.
    """

    common_names: tuple[str, ...]
    organizations: tuple[str, ...] = ()
    extended_key_usages: frozenset[str] = frozenset({"serverAuth"})


class Driver(Protocol):
    """Serves every cluster of the triples it provides."""

    @property
    def name(self) -> str:
        """Name in messages and in the list of drivers, the same as its entry point."""

    @property
    def provides(self) -> tuple[Triple, ...]:
        """Triples this driver serves; no other driver may claim one of them."""

    @property
    def template_path(self) -> str:
        """File of the template its clusters are made by, for operators to look at."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Fields that a cluster template may lack and no cluster made from it can."""

    def check(self, template: TemplateSpec) -> None:
        """Refuse a cluster template that no cluster of this driver could honour.

        :raises InvalidField: a field has a value the driver does not serve.
        """

    def check_count(self, template: TemplateSpec, masters: int, workers: int) -> None:
        """Refuse more nodes than a cluster from a template has room for.

        :raises InvalidField: there are too many.
        """

    def create_request(self, spec: ClusterSpec, access: NodeAccess) -> StackRequest:
        """Make the stack of a new cluster; the same arguments always make the same stack.

        :raises Invalid: the spec lacks what the driver needs.
        """

    def update_parameters(
        self, spec: ClusterSpec, removals: Sequence[str], join_token: str | None = None
    ) -> dict[str, Any]:
        """Name what scaling changes, for a Heat PATCH update that keeps everything else.

        :param removals: Nova ids of the servers that have to go; the count in ``spec`` is the
            one wanted afterwards.
        :param join_token: a secret: what workers made from now on join with, for drivers whose
            nodes need such a thing.  None when what the stack was given last is still good.
        :raises Invalid: the token has characters that no token has.
        """

    def node_name(self, spec: ClusterSpec, path: str) -> str | None:
        """Name the server that a resource of the stack belongs to.

        :param path: names of resources from the outermost stack down, for example
            ``workers/0/ready``.
        :returns: the server's name, which is its host name too; None for what is no node's.
        """

    def cluster_status(self, spec: ClusterSpec, outputs: Mapping[str, Any]) -> ClusterStatus:
        """Read a stack's outputs; one that is missing or null leaves its field empty."""

    def node_certificate_rule(self, role: Role) -> NodeCertificateRule:
        """Tell what the nodes of a role may have signed."""
