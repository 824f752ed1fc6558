# SPDX-License-Identifier: Apache-2.0
"""The one engine of all our drivers: spec and manifest to stack, a stack's outputs to status.

Made by the registry, called through :class:`magnum.drivers.contract.Driver`.  Pure: reads
packaged files and its arguments, nothing else.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from magnum.core.cluster import ClusterSpec, ClusterStatus, NodeAccess, Role, TemplateSpec
from magnum.core.errors import Invalid, InvalidField
from magnum.core.idents import is_cidr
from magnum.drivers import hot, sources, user_data
from magnum.drivers.contract import NodeCertificateRule, StackRequest, Triple
from magnum.drivers.manifest import DriverManifest, NodePart
from magnum.drivers.sources import Sources

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
        for field, accepted in (
            ("network_driver", manifest.network_drivers),
            ("volume_driver", manifest.volume_drivers),
            ("docker_storage_driver", manifest.storage_drivers),
        ):
            _check_choice(field, getattr(template, field), accepted, template.coe)
        for field, served in manifest.unserved.items():
            value = getattr(template, field)
            if value != served:
                rule = f"be {served}, {template.coe} clusters cannot have it otherwise"
                raise InvalidField(field, value, rule)
        _check_networks(template)
        for field in NODE_TEXT_FIELDS:
            text = getattr(template, field)
            if text and not re.fullmatch(r"[\x20-\x7e]+", text):
                raise InvalidField(field, text, "be one line of printable ASCII")

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

    def update_parameters(self, spec: ClusterSpec, removals: Sequence[str]) -> dict[str, Any]:
        wanted = [row for row in self.manifest.parameters if row.name in self.manifest.scaling]
        values = {row.name: sources.find(_Scaled(spec), row.source) for row in wanted}
        return {**values, self.manifest.removals_parameter: list(removals)}

    def cluster_status(self, spec: ClusterSpec, outputs: Mapping[str, Any]) -> ClusterStatus:
        read: dict[str, Any] = {}
        for row in self.manifest.outputs:
            value = outputs.get(row.name)
            if row.field == "api_address":
                read[row.field] = self._api_address(spec, value)
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
        config = user_data.node_config(steps, environment, spec.ssh_public_key)
        return user_data.FORMATS[self.manifest.user_data_format](config)

    def _sources(self, spec: ClusterSpec, access: NodeAccess, role: Role) -> Sources:
        return Sources(spec, access, self.node_certificate_rule(role), role)


class _Scaled:
    """The only source of an update: no node users, no certificates."""

    def __init__(self, cluster: ClusterSpec) -> None:
        self.cluster = cluster


def _check_choice(field: str, value: str | None, accepted: Iterable[str], coe: str) -> None:
    if value and value not in accepted:
        raise InvalidField(field, value, f"be one of {', '.join(accepted)} for coe {coe}")


def _check_networks(template: TemplateSpec) -> None:
    network, subnet = template.fixed_network, template.fixed_subnet
    if subnet and (not network or is_cidr(network)):
        rule = "come with a fixed_network that names the network it is part of"
        raise InvalidField("fixed_subnet", subnet, rule)


def _check_access(access: NodeAccess) -> None:
    for node_user in (access.master, access.worker):
        for text in (node_user.user_id, node_user.password):
            if not SAFE_TEXT.fullmatch(text):
                raise Invalid("The id or password of a node user has characters that are not safe.")


def _addresses(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(address for address in value or () if address)
