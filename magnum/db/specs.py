# SPDX-License-Identifier: Apache-2.0
"""What rows mean to drivers and engines: from tables to the languages of :mod:`magnum.core`."""

import dataclasses
from typing import cast

from magnum.core.cluster import ClusterSpec, NodeGroupSpec, Role, TemplateSpec
from magnum.core.container import ContainerSpec, parse_image, split_command
from magnum.db.models import Cluster, ClusterTemplate, Container

_TEMPLATE_FIELDS = tuple(field.name for field in dataclasses.fields(TemplateSpec))


def template_spec(row: ClusterTemplate) -> TemplateSpec:
    """Read a template; what is null takes the spec's own default."""
    values = {name: getattr(row, name) for name in _TEMPLATE_FIELDS}
    return TemplateSpec(**{name: value for name, value in values.items() if value is not None})


def cluster_spec(row: Cluster, timeout_minutes: int) -> ClusterSpec:
    """Read a cluster as it is wanted.

    :param timeout_minutes: what Heat is given for the operation at hand, at least 1.
    """
    return ClusterSpec(
        uuid=row.uuid,
        name=row.name,
        project_id=row.project_id,
        template=template_spec(row.template),
        node_groups=tuple(
            NodeGroupSpec(group.name, cast("Role", group.role), group.node_count)
            for group in row.node_groups
        ),
        create_timeout_minutes=timeout_minutes,
        ssh_public_key=row.ssh_public_key,
        discovery_url=row.discovery_url,
        stack_id=row.stack_id,
    )


def container_spec(row: Container) -> ContainerSpec:
    """Read a container as it is wanted."""
    return ContainerSpec(
        uuid=row.uuid,
        cluster_id=row.cluster_id,
        name=row.name,
        image=parse_image(row.image),
        command=split_command(row.command),
        memory_bytes=row.memory_bytes,
        environment=row.environment or {},
    )
