# SPDX-License-Identifier: Apache-2.0
"""The labels that drivers understand, by coe: what they mean and what they may be.

Only those of the list are checked; any other is stored and shown as it is.  What a label changes
is up to the driver: no node of a swarm reads one.
Source: the labels of the bay API's template of a cluster.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from magnum.core import errors
from magnum.core.idents import is_cidr


@dataclass(frozen=True, slots=True)
class Label:
    """One label.

    :ivar rule: what its value must do, for the error.
    :ivar is_right: whether a value does.
    :ivar default: what drivers take where it is not given; None where it is then not used.
    """

    name: str
    doc: str
    rule: str
    is_right: Callable[[str], bool]
    default: str | None = None


def _is_prefix_length(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 3 and 1 <= int(text) <= 30


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _listed(*choices: str) -> tuple[str, Callable[[str], bool]]:
    """Return rule and check of a comma list."""
    allowed = frozenset(choices)
    rule = f"be a comma list of {', '.join(choices)}"
    return rule, lambda text: all(part.strip() in allowed for part in text.split(","))


def _one_of(*choices: str) -> tuple[str, Callable[[str], bool]]:
    return f"be one of {', '.join(choices)}", lambda text: text in choices


_FLANNEL = (
    Label(
        "flannel_network_cidr",
        "Network that containers get their addresses from.",
        "be an IPv4 network such as 10.100.0.0/16",
        is_cidr,
        "10.100.0.0/16",
    ),
    Label(
        "flannel_network_subnetlen",
        "Prefix length of the part of that network which each node gets.",
        "be an integer from 1 to 30",
        _is_prefix_length,
        "24",
    ),
    Label(
        "flannel_backend",
        "How flannel carries packets between nodes.",
        *_one_of("udp", "vxlan", "host-gw"),
        "udp",
    ),
)

_DOCKER_ISOLATION = "docker/runtime"

_MESOS = (
    Label(
        "mesos_slave_isolation",
        "Isolators of the Mesos agents.",
        *_listed(
            "filesystem/posix",
            "filesystem/linux",
            "filesystem/shared",
            "posix/cpu",
            "posix/mem",
            "posix/disk",
            "cgroups/cpu",
            "cgroups/mem",
            _DOCKER_ISOLATION,
            "namespaces/pid",
        ),
    ),
    Label(
        "mesos_slave_image_providers",
        "Image formats of the Mesos containerizer.",
        *_listed("docker", "appc"),
    ),
    Label(
        "mesos_slave_executor_env_variables",
        "Environment of executors.",
        "be a JSON object",
        _is_object,
    ),
)

BY_COE: Mapping[str, Mapping[str, Label]] = MappingProxyType(
    {
        "kubernetes": {label.name: label for label in _FLANNEL},
        "swarm": {label.name: label for label in _FLANNEL},
        "mesos": {label.name: label for label in _MESOS},
    }
)


def check(coe: str, labels: Mapping[str, str]) -> None:
    """Check the labels that a coe's drivers understand.

    :raises InvalidField: one has a value it cannot have.
    """
    known = BY_COE.get(coe, {})
    for name, value in labels.items():
        label = known.get(name)
        if label is not None and not label.is_right(value):
            raise errors.InvalidField(f"The label {name}", value, label.rule)
    if coe == "mesos":
        _check_providers(labels)


def _check_providers(labels: Mapping[str, str]) -> None:
    providers = labels.get("mesos_slave_image_providers", "").split(",")
    isolation = [part.strip() for part in labels.get("mesos_slave_isolation", "").split(",")]
    if "docker" in [part.strip() for part in providers] and _DOCKER_ISOLATION not in isolation:
        raise errors.InvalidField(
            "The label mesos_slave_isolation",
            labels.get("mesos_slave_isolation"),
            f"have {_DOCKER_ISOLATION} where mesos_slave_image_providers has docker",
        )
