# SPDX-License-Identifier: Apache-2.0
"""The labels that drivers understand, by coe: what they mean and what they may be.

Only those of the list are checked; any other is stored and shown as it is, a note of its user's.
Source: the labels of the bay API's template of a cluster.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit

from magnum.core import errors
from magnum.core.idents import is_cidr

OVERLAY_CIDR = "flannel_network_cidr"
OVERLAY_PREFIX_LENGTH = "flannel_network_subnetlen"
DEFAULT_PREFIX_LENGTH = "24"


@dataclass(frozen=True, slots=True)
class Label:
    """One label.

    :ivar rule: what its value must do, for the error.
    :ivar is_right: whether a value does.
    :ivar default: what drivers take where it is not given; None where it is then not used.
    :ivar secret: whether its value may hold one, and is not shown.
    """

    name: str
    doc: str
    rule: str
    is_right: Callable[[str], bool]
    default: str | None = None
    secret: bool = False


def _is_prefix_length(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 3 and 1 <= int(text) <= 30


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _is_url(text: str) -> bool:
    if not re.fullmatch(r"https?://[!#-&(-;=?-Z_a-z~\[\]]{1,2000}", text):
        return False
    try:
        return bool(urlsplit(text).hostname)
    except ValueError:
        return False


def _is_sha256(text: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{64}", text) is not None


def _listed(*choices: str) -> tuple[str, Callable[[str], bool]]:
    """Return rule and check of a comma list."""
    allowed = frozenset(choices)
    rule = f"be a comma list of {', '.join(choices)}"
    return rule, lambda text: all(part.strip() in allowed for part in text.split(","))


def _one_of(*choices: str) -> tuple[str, Callable[[str], bool]]:
    return f"be one of {', '.join(choices)}", lambda text: text in choices


_CIDR = Label(
    OVERLAY_CIDR,
    "Network that containers get their addresses from; no part of it may be the nodes' own.",
    "be an IPv4 network such as 10.100.0.0/16",
    is_cidr,
    "10.100.0.0/16",
)

_FLANNEL = (
    _CIDR,
    Label(
        OVERLAY_PREFIX_LENGTH,
        "Prefix length of the part of that network which each node gets.",
        "be an integer from 1 to 30",
        _is_prefix_length,
        DEFAULT_PREFIX_LENGTH,
    ),
    Label(
        "flannel_backend",
        "How flannel carries packets between nodes.",
        *_one_of("udp", "vxlan", "host-gw"),
        "udp",
    ),
)

# A swarm's own overlay networks, whichever of its network drivers is asked for.
# Source: the options --default-addr-pool and --default-addr-pool-mask-length of swarm init.
_SWARM = (
    _CIDR,
    Label(
        OVERLAY_PREFIX_LENGTH,
        "Prefix length of the part of that network which each overlay network gets.",
        "be an integer from 1 to 29",
        lambda text: _is_prefix_length(text) and int(text) < 30,
        DEFAULT_PREFIX_LENGTH,
    ),
    Label(
        "flannel_backend",
        "How packets are carried between nodes.",
        "be vxlan, as overlay networks of a swarm know no other way",
        lambda text: text == "vxlan",
        "vxlan",
    ),
)
PROGRAMS = ("docker", "curl", "openssl", "iptables", "mkfs_ext4")
"""What nodes need and can fetch, in the words of labels, which have no full stop.

The first is a whole engine with its client and runtime.
"""

DOWNLOADS = tuple(f"{program}_{part}" for program in PROGRAMS for part in ("url", "sha256"))
"""Labels that tell where from."""


def _download(name: str) -> Label:
    program, _, part = name.rpartition("_")
    if part == "sha256":
        doc, rule = f"Checksum of what {program}_url names.", "be 64 hexadecimal digits"
        return Label(name, doc, rule, _is_sha256)
    doc = f"The program {program}, or a gzipped tar archive with it, for images without it."
    return Label(name, doc, "be an http or https URL", _is_url)


_DOWNLOADS = tuple(_download(name) for name in DOWNLOADS)

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
        secret=True,
    ),
)

BY_COE: Mapping[str, Mapping[str, Label]] = MappingProxyType(
    {
        "kubernetes": {label.name: label for label in _FLANNEL},
        "swarm": {label.name: label for label in (*_SWARM, *_DOWNLOADS)},
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
            shown = f"The label {name}"
            raise errors.InvalidField(shown, value, label.rule, secret=label.secret)
    for program in PROGRAMS:
        if f"{program}_url" in known:
            _check_download(program, labels)
    if coe == "mesos":
        _check_providers(labels)
    if OVERLAY_CIDR in known:
        _check_parts(labels)


def check_beside(coe: str, labels: Mapping[str, str], nodes: str) -> None:
    """Check that containers get no addresses of the nodes' own network.

    :param nodes: CIDR of that network.
    :raises InvalidField: they would.
    """
    asked = labels.get(OVERLAY_CIDR)
    if asked is None or OVERLAY_CIDR not in BY_COE.get(coe, {}):
        return
    if ipaddress.IPv4Network(asked).overlaps(ipaddress.IPv4Network(nodes)):
        rule = f"have nothing in common with {nodes}, the network of the nodes"
        raise errors.InvalidField(f"The label {OVERLAY_CIDR}", asked, rule)


def _check_parts(labels: Mapping[str, str]) -> None:
    """Check that a part of the containers' network is no larger than the whole of it."""
    whole = labels.get(OVERLAY_CIDR, str(_CIDR.default))
    part = labels.get(OVERLAY_PREFIX_LENGTH, DEFAULT_PREFIX_LENGTH)
    least = ipaddress.IPv4Network(whole).prefixlen
    if int(part) < least:
        rule = f"be at least {least}, the prefix length of {whole}"
        raise errors.InvalidField(f"The label {OVERLAY_PREFIX_LENGTH}", part, rule)


def _check_download(program: str, labels: Mapping[str, str]) -> None:
    names = f"{program}_url", f"{program}_sha256"
    for name, other in (names, names[::-1]):
        if name in labels and other not in labels:
            raise errors.InvalidField(f"The label {name}", labels[name], f"come with {other}")


def _check_providers(labels: Mapping[str, str]) -> None:
    providers = labels.get("mesos_slave_image_providers", "").split(",")
    isolation = [part.strip() for part in labels.get("mesos_slave_isolation", "").split(",")]
    if "docker" in [part.strip() for part in providers] and _DOCKER_ISOLATION not in isolation:
        raise errors.InvalidField(
            "The label mesos_slave_isolation",
            labels.get("mesos_slave_isolation"),
            f"have {_DOCKER_ISOLATION} where mesos_slave_image_providers has docker",
        )
