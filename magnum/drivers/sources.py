# SPDX-License-Identifier: Apache-2.0
"""Find the values that a manifest's bindings name, and change them as they ask.

Called by the engine; knows the domain's dataclasses and nothing of Heat.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from magnum.core import labels
from magnum.core.cluster import ClusterSpec, NodeAccess, TemplateSpec, short_id
from magnum.core.errors import Invalid
from magnum.core.idents import is_cidr
from magnum.drivers.contract import NodeCertificateRule
from magnum.drivers.manifest import Binding

DEFAULT_CIDR = "10.0.0.0/24"
OVERLAY_POOLS = ("10.100.0.0/16", "172.30.0.0/16")
MAX_WAIT_SECONDS = 43200  # Source: bounds of OS::Heat::WaitCondition.timeout
MAX_PREFIX_CHARACTERS = 20


@dataclass(frozen=True)
class Sources:
    """What the first word of a source path may be.

    :ivar escapes: what Heat has to do to text that it puts into user data.
    """

    cluster: ClusterSpec
    access: NodeAccess
    rule: NodeCertificateRule
    role: str
    escapes: Mapping[str, str] = field(default_factory=dict)

    @property
    def template(self) -> TemplateSpec:
        """The cluster's template."""
        return self.cluster.template


def own_cidr(fixed_network: str | None) -> str | None:
    """Return the CIDR of the network the stack makes, None when it uses one that is there."""
    if fixed_network is None:
        return DEFAULT_CIDR
    return fixed_network if is_cidr(fixed_network) else None


def node_addresses(cidr: str) -> int:
    """Count the addresses of a network that nodes may have; not less than none.

    Its first and last stand for the network, and its router and DHCP server have one each.
    """
    return max(ipaddress.IPv4Network(cidr).num_addresses - 4, 0)


def existing_network(fixed_network: str) -> str | None:
    """Return the name or id of a network to be used as it is, or None."""
    return None if is_cidr(fixed_network) else fixed_network


def free_pools(cidr: str) -> list[str]:
    """Return the pools for container networks that have nothing in common with the nodes' own."""
    nodes = ipaddress.IPv4Network(cidr)
    return [pool for pool in OVERLAY_POOLS if not nodes.overlaps(ipaddress.IPv4Network(pool))]


def overlay_pool(template: TemplateSpec) -> str:
    """Choose addresses for container networks: those of the label, else some that are free.

    Docker's own choice starts at 10.0.0.0/24, which is also where our nodes are.  That some are
    free is checked before a template is written.
    """
    if asked := template.labels.get(labels.OVERLAY_CIDR):
        return asked
    cidr = own_cidr(template.fixed_network)
    return OVERLAY_POOLS[0] if cidr is None else free_pools(cidr)[0]


def overlay_prefix_length(given: Mapping[str, str]) -> int:
    """Return the prefix length of each container network."""
    return int(given.get(labels.OVERLAY_PREFIX_LENGTH, labels.DEFAULT_PREFIX_LENGTH))


def has_overlay_labels(given: Mapping[str, str]) -> str:
    """Tell whether labels choose the addresses of container networks, as scripts test it."""
    return lower(bool({labels.OVERLAY_CIDR, labels.OVERLAY_PREFIX_LENGTH} & given.keys()))


def node_prefix(cluster: ClusterSpec) -> str:
    """Make the start of every server's name: readable, unique and a legal host name.

    At most 33 characters, because Heat allows 53 to a server's name.
    """
    words = re.sub(r"[^a-z0-9]+", "-", cluster.name.lower()).strip("-")
    start = words[:MAX_PREFIX_CHARACTERS].rstrip("-") or "node"
    return f"{start}-{short_id(cluster.uuid)}"


def wait_seconds(minutes: int) -> int:
    """Turn the create timeout into a wait condition's, within Heat's bounds."""
    return min(minutes * 60, MAX_WAIT_SECONDS)


def storage_driver(name: str) -> str | None:
    """Name the engine's storage driver, None for its own choice.

    ``devicemapper`` was the API's default for years and engines of today no longer have it.
    """
    return {"overlay": "overlay2", "overlay2": "overlay2"}.get(name)


def lower(value: object) -> str:
    """Write a truth value as scripts test it."""
    return str(value).lower()


def commas(values: Iterable[str]) -> str:
    """Join words that hold no comma."""
    return ",".join(sorted(values))


def less_one(count: int) -> int:
    """Count those besides the first."""
    return count - 1


def is_set(value: object) -> bool:
    """Tell whether there is a value at all."""
    return value is not None


NULLABLE: frozenset[str] = frozenset({"own_cidr", "is_set"})
"""Transforms that take None too; the others are not called for it."""

TRANSFORMS: dict[str, Callable[[Any], Any]] = {
    "commas": commas,
    "existing_network": existing_network,
    "has_overlay_labels": has_overlay_labels,
    "is_set": is_set,
    "less_one": less_one,
    "lower": lower,
    "node_prefix": node_prefix,
    "overlay_pool": overlay_pool,
    "overlay_prefix_length": overlay_prefix_length,
    "own_cidr": own_cidr,
    "storage_driver": storage_driver,
    "wait_seconds": wait_seconds,
}


def find(root: object, path: str) -> Any:
    """Follow a source path from :class:`Sources` or something with some of its attributes.

    A name below a mapping, such as that of a label, is None when it is not there.

    :raises AttributeError: the path names nothing; a check over all drivers prevents it.
    """
    value: Any = root
    for name in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(name)
        else:
            value = value[int(name)] if name.isdigit() else getattr(value, name)
    return value


def bind(sources: Sources, bindings: Iterable[Binding]) -> dict[str, Any]:
    """Compute the values of bindings, leaving out those without one.

    :raises Invalid: a required one has none.
    """
    values: dict[str, Any] = {}
    for binding in bindings:
        value = find(sources, binding.source)
        if binding.transform and (value is not None or binding.transform in NULLABLE):
            value = TRANSFORMS[binding.transform](value)
        if value is None or value == "":
            if binding.required:
                field = binding.source.rpartition(".")[2]
                raise Invalid(f"This cluster needs {field}, which is not set.")
            continue
        values[binding.name] = value
    return values
