# SPDX-License-Identifier: Apache-2.0
"""The one engine of all our drivers: spec and manifest to stack, a stack's outputs to status.

Made by the registry, called through :class:`magnum.drivers.contract.Driver`.  Pure: reads
packaged files and its arguments, nothing else.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from magnum.core import insecure_registries, labels
from magnum.core.cluster import ClusterSpec, ClusterStatus, NodeAccess, Role, TemplateSpec, Worker
from magnum.core.errors import Invalid, InvalidField
from magnum.core.idents import is_uuid
from magnum.core.insecure_registries import is_insecure_registry
from magnum.drivers import formats, hot, sources, user_data
from magnum.drivers.contract import NodeCertificateRule, StackRequest, Triple
from magnum.drivers.manifest import DriverManifest, NodePart
from magnum.drivers.sources import Sources

SENT_BY_CLIENTS = "8.8.8.8"
"""The ``dns_nameserver`` of clients whose users name none; it is no wish of anybody."""

NODE_TEXT_FIELDS = ("http_proxy", "https_proxy", "no_proxy", "insecure_registry")
"""Fields that end up in configuration files of a node, one line each."""

SAFE_TEXT = re.compile(r"[A-Za-z0-9._~+/=:-]+")
"""What may stand between quotes in a file that Heat fills in, where nothing can be escaped."""


class HeatDriver:
    """The driver that a manifest describes."""

    def __init__(self, manifest: DriverManifest) -> None:
        self.manifest = manifest

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def provides(self) -> tuple[Triple, ...]:
        return self.manifest.provides

    @property
    def template_path(self) -> str:
        return hot.template_path(self.manifest.template)

    @property
    def needs(self) -> tuple[str, ...]:
        rows = (*self.manifest.parameters, *self.manifest.environment)
        return tuple(
            row.source.removeprefix("template.")
            for row in rows
            if row.required
            and row.source.startswith("template.")
            and row.transform not in sources.NULLABLE
        )

    def check(self, template: TemplateSpec) -> None:
        manifest = self.manifest
        for field, unserved in manifest.unserved.items():
            value = getattr(template, field)
            if value != unserved.only:
                raise InvalidField(field, value, unserved.rule)
        for field, accepted in (
            ("network_driver", manifest.network_drivers),
            ("volume_driver", manifest.volume_drivers),
            ("docker_storage_driver", manifest.storage_drivers),
        ):
            _check_choice(field, getattr(template, field), accepted, template.coe)
        labels.check(template.coe, template.labels)
        _check_networks(template)
        for field in NODE_TEXT_FIELDS:
            text = getattr(template, field)
            if text and not re.fullmatch(r"[\x20-\x7e]+", text):
                raise InvalidField(field, text, "be one line of printable ASCII")
        registry = template.insecure_registry
        if registry and not is_insecure_registry(registry):
            raise InvalidField("insecure_registry", registry, insecure_registries.RULE)

    def check_count(self, template: TemplateSpec, masters: int, workers: int) -> None:
        own = sources.own_cidr(template.fixed_network)
        if own and masters + workers > sources.node_addresses(own):
            room = sources.node_addresses(own)
            rule = f"fit, with {masters} masters, into the {room} addresses {own} has for nodes"
            raise InvalidField("node_count", workers, rule)

    def create_request(self, spec: ClusterSpec, access: NodeAccess) -> StackRequest:
        _check_access(access)
        manifest = self.manifest
        files = {name: hot.read_template(name) for name in manifest.node_templates}
        for part in manifest.parts:
            files[part.file] = self._user_data(part, spec, access)
        return StackRequest(
            name=spec.stack_name,
            template=hot.parse_template(manifest.template),
            files=files,
            parameters=sources.bind(self._sources(spec, access, "master"), manifest.parameters),
            tags=("magnum", f"magnum-cluster-{spec.uuid}"),
            timeout_minutes=spec.create_timeout_minutes,
        )

    def update_parameters(
        self, spec: ClusterSpec, removals: Sequence[str], join_token: str | None = None
    ) -> dict[str, Any]:
        manifest = self.manifest
        wanted = [row for row in manifest.parameters if row.name in manifest.scaling]
        values = {row.name: sources.find(_Scaled(spec), row.source) for row in wanted}
        values[manifest.removals_parameter] = list(removals)
        if join_token and manifest.join_parameter:
            if not SAFE_TEXT.fullmatch(join_token):
                raise Invalid("The token to join with has characters that are not safe.")
            values[manifest.join_parameter] = join_token
        return values

    def node_name(self, spec: ClusterSpec, path: str) -> str | None:
        top, _, inner = path.partition("/")
        pattern = hot.server_name(hot.parse_template(self.manifest.template), top)
        if pattern is None:
            return None
        member = inner.partition("/")[0]
        if hot.INDEX in pattern and not member.isdigit():
            return None  # the group as a whole
        prefix = sources.node_prefix(spec)
        return pattern.replace(hot.PREFIX, prefix).replace(hot.INDEX, member)

    def cluster_status(self, spec: ClusterSpec, outputs: Mapping[str, Any]) -> ClusterStatus:
        read: dict[str, Any] = {}
        for row in self.manifest.outputs:
            value = outputs.get(row.name)
            if row.field == "api_address":
                read[row.field] = self._api_address(spec, value)
            elif row.field == "workers":
                read[row.field] = _workers(value)
            else:
                read[row.field] = _addresses(value)
        return ClusterStatus(**read)

    def node_certificate_rule(self, role: Role) -> NodeCertificateRule:
        return self.manifest.certificate_rules[role]

    def _api_address(self, spec: ClusterSpec, host: Any) -> str | None:
        if not host:
            return None
        scheme = self.manifest.plain_scheme if spec.template.tls_disabled else "https"
        return f"{scheme}://{host}:{self.manifest.api_port}"

    def _user_data(self, part: NodePart, spec: ClusterSpec, access: NodeAccess) -> str:
        skipped = part.tls_steps if spec.template.tls_disabled else ()
        steps = tuple(step for step in part.steps if step not in skipped)
        environment = sources.bind(
            self._sources(spec, access, part.role), self.manifest.environment
        )
        own_steps = self.manifest.own_steps
        config = user_data.node_config(steps, environment, spec.ssh_public_key, own_steps)
        return self._format.write(config)

    @property
    def _format(self) -> formats.Format:
        return formats.FORMATS[self.manifest.user_data_format]

    def _sources(self, spec: ClusterSpec, access: NodeAccess, role: Role) -> Sources:
        rule = self.node_certificate_rule(role)
        return Sources(spec, access, rule, role, self._format.escapes)


class _Scaled:
    """The only source of an update: no node users, no certificates."""

    def __init__(self, cluster: ClusterSpec) -> None:
        self.cluster = cluster


def _check_choice(field: str, value: str | None, accepted: Iterable[str], coe: str) -> None:
    if value and value not in accepted:
        raise InvalidField(field, value, f"be one of {', '.join(accepted)} for coe {coe}")


def _check_networks(template: TemplateSpec) -> None:
    own = sources.own_cidr(template.fixed_network)
    if own and not sources.free_pools(own):
        pools = " or ".join(sources.OVERLAY_POOLS)
        rule = f"leave {pools} free, where containers get their addresses from"
        raise InvalidField("fixed_network", own, rule)
    if template.fixed_subnet and own:
        rule = "come with a fixed_network that names the network it is part of"
        raise InvalidField("fixed_subnet", template.fixed_subnet, rule)
    server = template.dns_nameserver
    if server not in (None, SENT_BY_CLIENTS) and not own:
        rule = "be left out with a fixed_network that is there, because its subnets name their own"
        raise InvalidField("dns_nameserver", server, rule)
    if own:
        labels.check_beside(template.coe, template.labels, own)


def _check_access(access: NodeAccess) -> None:
    for node_user in (access.master, access.worker):
        for text in (node_user.user_id, node_user.password):
            if not SAFE_TEXT.fullmatch(text):
                raise Invalid("The id or password of a node user has characters that are not safe.")


def _addresses(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(address for address in value or () if address)


def _workers(value: Any) -> tuple[Worker, ...]:
    """Join the two maps of a group, names and ids by member.

    A member that has no server goes by a name of Heat's own in place of an id.
    """
    names, servers = (value or {}).get("names") or {}, (value or {}).get("servers") or {}
    return tuple(
        Worker(member, names[member], _server_id(servers.get(member)))
        for member in sorted(names, key=lambda member: (len(member), member))
        if names[member]
    )


def _server_id(reference: Any) -> str | None:
    return reference if isinstance(reference, str) and is_uuid(reference) else None
