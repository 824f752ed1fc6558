# SPDX-License-Identifier: Apache-2.0
"""The field table: every attribute a user can send or see, stated once.

The API builds its types, its patch rules and its representations from it; which of the fields a
vocabulary shows, and under which name, is in :mod:`magnum.api.vocabulary`.  Names are those of
today's API and of the database's columns.  A test demands that every column is either here or in
:data:`NOT_EXPOSED`.

Source: the attribute tables of the bay and cluster APIs.
"""

import dataclasses
import enum
import ipaddress
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from magnum.core import errors
from magnum.core.container import NAME

INTEGER_MAX = 2**31 - 1
"""What an INTEGER column holds on every database."""

TRUE = frozenset({"1", "t", "true", "on", "y", "yes"})
FALSE = frozenset({"0", "f", "false", "off", "n", "no"})
_NUMERAL = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)


class Kind(enum.Enum):
    """What sort of value a field has on the wire."""

    TEXT = "a text"
    INTEGER = "an integer"
    BOOLEAN = "true or false"
    UUID = "a uuid"
    IPV4 = "an IPv4 address such as 192.0.2.1"
    LABELS = "an object whose values are all texts"
    TEXTS = "a list of texts"
    MOMENT = "a moment"
    LINKS = "a list of links"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One attribute.

    :ivar minimum: least value, or length of a text.
    :ivar maximum: greatest value, or length of a text.
    :ivar default: what an absent or null attribute of a creation becomes.
    :ivar mandatory: whether a creation must name it.
    :ivar nullable: whether null may be sent for it.
    :ivar read_only: whether only the service sets it; sending it is an error.
    :ivar ignored: whether it may be sent with a creation, and is not used.
    :ivar internal: whether a patch may not even name it.
    :ivar removable: whether a patch may remove it, which brings the default back.
    :ivar column: whether the row has it; the view computes it otherwise.
    :ivar only_alone: whether only the answer to a GET of one resource has it.
    :ivar only_failed: likewise, and only if the resource has failed.
    """

    name: str
    kind: Kind
    doc: str
    minimum: int | None = None
    maximum: int | None = None
    pattern: str | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""
    default: object = None
    mandatory: bool = False
    nullable: bool = True
    read_only: bool = False
    ignored: bool = False
    internal: bool = False
    removable: bool = True
    column: bool = True
    only_alone: bool = False
    only_failed: bool = False

    @property
    def rule(self) -> str:
        """What a right value is, to follow the word "must"."""
        if self.choices:
            return f"be one of {', '.join(self.choices)}"
        if self.kind is Kind.TEXT:
            size = f" of {self.minimum} to {self.maximum} characters" if self.maximum else ""
            shape = f" that matches {self.pattern}" if self.pattern else ""
            return f"be a text{size}{shape}"
        if self.kind is Kind.INTEGER and self.minimum is not None:
            unit = f" {self.unit}" if self.unit else ""
            return f"be an integer from {self.minimum} to {self.maximum}{unit}"
        return f"be {self.kind.value}"

    def parse(self, value: object, name: str | None = None) -> Any:
        """Turn a value from the wire into the one to store.

        :param name: the field's name on the wire, for the error.
        :returns: the value; None stays None.
        :raises InvalidField: it is not of the kind, or out of bounds.
        """
        if value is None:
            if self.nullable:
                return None
            raise self.refusal(name or self.name, None)
        try:
            return _PARSERS[self.kind](self, value)
        except (ValueError, TypeError) as error:
            raise self.refusal(name or self.name, value) from error

    def refusal(self, name: str, value: object) -> errors.InvalidField:
        """Make the error of a value that is not of the kind, or out of bounds.

        Values of labels and variables may be secrets: the first that is no text is told by its
        name, and none is shown.

        :param name: the field's name on the wire.
        """
        if self.kind is not Kind.LABELS:
            return errors.InvalidField(name, value, self.rule)
        for key, part in value.items() if isinstance(value, dict) else ():
            if not isinstance(part, str):
                # What follows an equals sign was meant for a value.
                shown = errors.first_sentence(key.partition("=")[0], 80) or "''"
                return errors.InvalidField(f"{name}.{shown}", part, "be a text", secret=True)
        return errors.InvalidField(name, value, self.rule, secret=True)

    def or_default(self, value: object) -> Any:
        """Return ``value``, or the default in place of None."""
        if value is None and self.kind is Kind.LABELS:
            return {}
        return self.default if value is None else value


def _parse_text(field: Field, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    if field.choices and value not in field.choices:
        raise ValueError
    if field.minimum is not None and len(value) < field.minimum:
        raise ValueError
    if field.maximum is not None and len(value) > field.maximum:
        raise ValueError
    if field.pattern is not None and not re.fullmatch(field.pattern, value):
        raise ValueError
    return value


def _parse_integer(field: Field, value: object) -> int:
    if isinstance(value, str) and _NUMERAL.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    if field.minimum is not None and value < field.minimum:
        raise ValueError
    if field.maximum is not None and value > field.maximum:
        raise ValueError
    return value


def parse_boolean(value: object) -> bool:
    """Read a boolean as strictly as clients write them.

    :raises ValueError: it is none of the words for true or false.
    """
    if isinstance(value, bool):
        return value
    word = str(value).lower() if isinstance(value, str | int) else ""
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise ValueError


def _parse_uuid(_field: Field, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return str(uuid.UUID(value))


def _parse_ipv4(_field: Field, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return str(ipaddress.IPv4Address(value))


def _parse_labels(_field: Field, value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError
    if not all(isinstance(part, str) for part in value.values()):
        raise TypeError
    return dict(value)


def _parse_nothing(_field: Field, value: object) -> object:
    return value


_PARSERS: Mapping[Kind, Callable[[Field, object], Any]] = MappingProxyType(
    {
        Kind.TEXT: _parse_text,
        Kind.INTEGER: _parse_integer,
        Kind.BOOLEAN: lambda _field, value: parse_boolean(value),
        Kind.UUID: _parse_uuid,
        Kind.IPV4: _parse_ipv4,
        Kind.LABELS: _parse_labels,
        Kind.TEXTS: _parse_nothing,
        Kind.MOMENT: _parse_nothing,
        Kind.LINKS: _parse_nothing,
    }
)


def _text(name: str, doc: str, **more: Any) -> Field:
    bounds: dict[str, Any] = {"minimum": 1, "maximum": 255}
    return Field(name=name, kind=Kind.TEXT, doc=doc, **{**bounds, **more})


def _choice(name: str, doc: str, *choices: str, **more: Any) -> Field:
    return Field(name=name, kind=Kind.TEXT, doc=doc, choices=choices, **more)


def _integer(name: str, doc: str, minimum: int, **more: Any) -> Field:
    bounds: dict[str, Any] = {"minimum": minimum, "maximum": INTEGER_MAX}
    return Field(name=name, kind=Kind.INTEGER, doc=doc, **{**bounds, **more})


def _flag(name: str, doc: str, *, default: bool = False, **more: Any) -> Field:
    return Field(name=name, kind=Kind.BOOLEAN, doc=doc, default=default, **more)


def _seen(name: str, doc: str, kind: Kind = Kind.TEXT, **more: Any) -> Field:
    """Describe what only the service sets."""
    return Field(name=name, kind=kind, doc=doc, read_only=True, **more)


_COMMON = (
    _seen("created_at", "When it was made, UTC.", Kind.MOMENT, internal=True),
    _seen("updated_at", "When it was last changed, UTC; null until then.", Kind.MOMENT,
          internal=True),
    _seen("links", "Its addresses: self and bookmark.", Kind.LINKS, internal=True, column=False),
)  # fmt: skip

TEMPLATE_FIELDS = (
    Field(name="uuid", kind=Kind.UUID, doc="Its id; generated unless given.", internal=True),
    _text("name", "Its name, which need not be unique; generated unless given."),
    _choice("coe", "Container orchestration engine.", "kubernetes", "swarm", "mesos",
            mandatory=True, nullable=False, removable=False),
    _text("image_id", "Glance image of the nodes, name or uuid.", mandatory=True, nullable=False,
          removable=False),
    _text("keypair_id", "Nova keypair whose key opens the nodes.", mandatory=True,
          removable=False),
    _text("external_network_id", "Network that floating IPs come from, name or uuid.",
          removable=False),
    _text("flavor_id", "Nova flavor of the workers, name or id."),
    _text("master_flavor_id", "Nova flavor of the masters, name or id."),
    Field(name="dns_nameserver", kind=Kind.IPV4,
          doc="DNS server of the nodes, where their network is made and not named."),
    _text("fixed_network", "Network to put the nodes on: name or uuid, or the CIDR of a new one."),
    _text("fixed_subnet", "Subnet of that network to put the nodes on, name or uuid."),
    _text("network_driver", "How containers are networked; the default depends on the coe.",
          removable=False),
    _text("volume_driver", "How containers get volumes; the coe may have no way but local ones."),
    _integer("apiserver_port", "Port of the API server; stored only.", 1024, maximum=65535),
    _integer("docker_volume_size",
             "Size of each node's own volume for images and containers; the cloud needs Cinder.",
             1, unit="GB"),
    _choice("docker_storage_driver", "How Docker stores layers.", "devicemapper", "overlay"),
    _text("cluster_distro", "Operating system; a creation takes the image's, whatever is sent.",
          removable=False),
    _text("http_proxy", "Proxy of the nodes for http."),
    _text("https_proxy", "Proxy of the nodes for https."),
    _text("no_proxy", "Hosts that the nodes reach without a proxy, comma separated."),
    _flag("registry_enabled", "Whether an image registry runs on the cluster.", removable=False),
    _text("insecure_registry",
          "Registry that is used without TLS: host or host:port, or a network of such in CIDR "
          "notation."),
    Field(name="labels", kind=Kind.LABELS, doc="Settings of the coe, by name."),
    _flag("tls_disabled", "Whether the cluster's API is open to everyone.", removable=False),
    _flag("public", "Whether other projects may use it.", removable=False),
    _text("server_type", "What the nodes are: vm.", default="vm", removable=False),
    _flag("master_lb_enabled", "Whether a load balancer is put before the masters."),
    _flag("floating_ip_enabled", "Whether nodes get floating IPs.", default=True),
    *_COMMON,
)  # fmt: skip

_COMMAND_LENGTH = 16000
"""In characters, of at most four bytes; all databases hold 65535 bytes in a text."""

CLUSTER_FIELDS = (
    Field(name="uuid", kind=Kind.UUID, doc="Its id, always generated.", ignored=True,
          internal=True),
    _text("name", "Its name, which need not be unique; generated unless given.", maximum=242,
          pattern=r"[a-zA-Z][a-zA-Z0-9_.-]*"),
    _text("cluster_template_id", "What it is made from: uuid or name in, uuid out.",
          mandatory=True, nullable=False, removable=False),
    _integer("node_count", "Workers.", 1, default=1, column=False),
    _integer("master_count", "Masters.", 1, default=1, column=False),
    _integer("create_timeout", "How long creation may take; 0 for the site's default.", 0,
             default=0, unit="minutes"),
    _text("discovery_url", "Accepted and stored; nothing needs it.", minimum=0),
    _text("status", "What is done to it and how that goes, as Heat says it.", ignored=True,
          maximum=20),
    _text("status_reason", "Why, after a failure.", ignored=True, maximum=None, minimum=None),
    _seen("faults", "Why resources of its Heat stack failed, by resource.", Kind.LABELS,
          internal=True, only_failed=True),
    _seen("stack_id", "Its Heat stack.", internal=True),
    _seen("api_address", "Where its API answers; null until known.", internal=True),
    _seen("node_addresses", "Its workers' addresses; null until known.", Kind.TEXTS,
          internal=True, column=False),
    _seen("master_addresses", "Its masters' addresses; null until known.", Kind.TEXTS,
          internal=True, column=False),
    _seen("coe_version", "Version of the orchestration engine."),
    _seen("container_version", "Version of the container runtime."),
    _seen("health_status", "What the last look at its nodes has found: HEALTHY, UNHEALTHY, or "
          "UNKNOWN; null before the first.", internal=True, only_alone=True),
    _seen("health_status_reason", "What was found of its API and of each node.", Kind.LABELS,
          internal=True, only_alone=True),
    *_COMMON,
)  # fmt: skip

CONTAINER_FIELDS = (
    Field(name="uuid", kind=Kind.UUID, doc="Its id; generated unless given.", internal=True),
    _text("name", "Its name, of its own in the bay; what Docker calls it.", minimum=2,
          pattern=NAME),
    _text("image", "What it is made from: repository, with the registry where it is not Docker's "
          "own, and tag.", mandatory=True, nullable=False, removable=False),
    _text("command", "What runs in it, in words as for a shell; else the image's own.", minimum=0,
          maximum=_COMMAND_LENGTH),
    _text("memory", "Most memory it may use: a number and b, k, m or g; at least 6 MiB."),
    Field(name="environment", kind=Kind.LABELS, doc="Variables of what runs in it."),
    Field(name="cluster_id", kind=Kind.UUID, doc="The cluster it is on, by its uuid.",
          mandatory=True, nullable=False, removable=False),
    _seen("status", "Running, Stopped, Paused, Error, or Unknown; as its engine says it.",
          internal=True),
    _seen("status_reason", "Why it is not as it should be, or how far its making is.",
          internal=True),
    _seen("host", "Address of the engine it is on.", internal=True),
    *_COMMON,
)  # fmt: skip

_CSR_LENGTH = 65536

CERTIFICATE_FIELDS = (
    _text("bay_uuid", "The cluster: uuid or name in, uuid out."),
    _text("cluster_uuid", "The same; one of both has to be given."),
    _text("csr", "Signing request, PEM.", mandatory=True, nullable=False, maximum=_CSR_LENGTH),
    _text("pem", "The certificate, PEM.", ignored=True, minimum=0, maximum=_CSR_LENGTH),
    *_COMMON[2:],
)

SERVICE_FIELDS = (
    _seen("id", "Its number.", Kind.INTEGER),
    _seen("host", "Where it runs."),
    _seen("binary", "What it is."),
    _seen("state", "up or down, by its last heartbeat.", column=False),
    _seen("report_count", "Heartbeats so far.", Kind.INTEGER),
    _seen("disabled", "Whether an operator disabled it.", Kind.BOOLEAN),
    _seen("disabled_reason", "Why an operator disabled it."),
    *_COMMON[:2],
)

INTERNAL = frozenset({"id", "project_id", "user_id", "ca_cert_ref", "magnum_cert_ref", "trust_id",
                      "trustee_user_name", "trustee_username", "trustee_password",
                      "trustee_user_id"})  # fmt: skip
"""Names that are no fields and that a patch may not name either."""

NOT_EXPOSED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "cluster_template": frozenset({"id", "project_id", "user_id"}),
        "cluster": frozenset(
            {"id", "project_id", "user_id", "keypair", "ssh_public_key", "ca_cert_ref",
             "magnum_cert_ref", "master_user_id", "worker_user_id", "health_due"}
        ),
        "container": frozenset(
            {"id", "project_id", "user_id", "host_id", "docker_id", "memory_bytes"}
        ),
        "magnum_service": frozenset({"forced_down", "last_seen_up"}),
    }
)  # fmt: skip
"""Columns that no user sees, by table."""


def by_name(table: tuple[Field, ...]) -> Mapping[str, Field]:
    """Index a table by the fields' names."""
    return MappingProxyType({field.name: field for field in table})


def describe(field: Field) -> dict[str, Any]:
    """Return the field as plain data, for documentation."""
    return {**dataclasses.asdict(field), "kind": field.kind.name.lower(), "rule": field.rule}
