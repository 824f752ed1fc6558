# SPDX-License-Identifier: Apache-2.0
"""The shape of a driver's data sheet.

A folder ``drivers/<coe>/<os>`` holds one :class:`DriverManifest` and nothing else; the engine in
:mod:`~magnum.drivers.heat_driver` does all the work.  No behaviour lives here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from magnum.core.cluster import Role
from magnum.drivers.contract import NodeCertificateRule, Triple


@dataclass(frozen=True)
class Binding:
    """Where a value comes from: a row of a driver's parameters or of its nodes' environment.

    :ivar name: the Heat parameter, or the shell variable on a node.
    :ivar source: a path such as ``cluster.node_count``, ``template.image_id``,
        ``template.labels.docker_url`` or ``access.worker.password``; what they start with is in
        ``sources.py``.
    :ivar transform: name of a function in ``sources.TRANSFORMS``, or empty.
    :ivar required: refuse the cluster when the source is empty; otherwise the row is left out
        and the template's default holds.
    """

    name: str
    source: str
    transform: str = ""
    required: bool = False


@dataclass(frozen=True)
class Output:
    """A Heat output and the field of ``ClusterStatus`` it fills."""

    name: str
    field: str


@dataclass(frozen=True)
class Unserved:
    """A template field that a driver does not honour.

    :ivar only: the one value it may have, None for none at all.
    :ivar reason: why, to follow "must be ..., ".
    """

    only: Any
    reason: str

    @property
    def rule(self) -> str:
        """What the field must do, for the error."""
        return f"be {'left out' if self.only is None else json.dumps(self.only)}, {self.reason}"


@dataclass(frozen=True)
class NodePart:
    """The user data of one kind of node.

    :ivar file: the name by which the node template gets it.
    :ivar steps: scripts that configure the node, in order.
    :ivar tls_steps: those of them that a cluster without TLS leaves out.
    """

    file: str
    role: Role
    steps: tuple[str, ...]
    tls_steps: tuple[str, ...] = ("certificates",)


@dataclass(frozen=True, kw_only=True)
class DriverManifest:
    """Everything that tells one driver from another.

    :ivar template: file of the cluster's HOT in ``drivers/templates``.
    :ivar node_templates: files in the same folder that it nests.
    :ivar user_data_format: a key of ``formats.FORMATS``: what the operating system reads.
    :ivar scaling: parameters that an update sends again.
    :ivar removals_parameter: takes the Nova ids of servers that have to go.
    :ivar join_parameter: takes what workers made from now on join with; empty when none of
        the orchestration engine's secrets is handed on that way.
    :ivar api_port: where the cluster's own API listens.
    :ivar plain_scheme: scheme of the API's address when TLS is disabled.
    :ivar network_drivers: names accepted for ``network_driver``; which of them is the default is
        the operator's choice.
    :ivar own_steps: scripts that only this driver has, by step: ``package:path`` of each.
    :ivar unserved: template fields that the driver cannot honour.
    """

    name: str
    provides: tuple[Triple, ...]
    template: str
    node_templates: tuple[str, ...]
    user_data_format: str
    parts: tuple[NodePart, ...]
    parameters: tuple[Binding, ...]
    environment: tuple[Binding, ...]
    outputs: tuple[Output, ...]
    scaling: tuple[str, ...]
    removals_parameter: str
    join_parameter: str = ""
    api_port: int
    plain_scheme: str
    certificate_rules: Mapping[Role, NodeCertificateRule]
    network_drivers: tuple[str, ...]
    volume_drivers: tuple[str, ...]
    storage_drivers: tuple[str, ...]
    own_steps: Mapping[str, str] = field(default_factory=dict)
    unserved: Mapping[str, Unserved] = field(default_factory=dict)

    def on(self, name: str, *provides: Triple, user_data_format: str) -> "DriverManifest":
        """Copy this data sheet for another operating system."""
        return replace(self, name=name, provides=provides, user_data_format=user_data_format)
