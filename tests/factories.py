# SPDX-License-Identifier: Apache-2.0
"""Rows for tests: every column that must have a value has one that makes sense."""

import datetime
import itertools
import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from magnum.core import states
from magnum.core.states import Action
from magnum.db import operations, repository
from magnum.db.models import Cluster, ClusterTemplate, Container, NodeGroup
from magnum.db.session import Database

PROJECT = "p" * 32
USER = "d" * 32
MOMENT = datetime.datetime(2016, 2, 28, 23, 59, 58)  # noqa: DTZ001 -- in UTC, as all in the tables
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHhBzjfYAPRFDiEHaMll8JKQho/JlHn6YS0Ee6nquxWQ test"

BAYMODEL: Mapping[str, str] = {
    "name": "m",
    "coe": "swarm",
    "image_id": "fedora-atomic-21",
    "keypair_id": "ops",
    "external_network_id": "public",
}
"""The body of a baymodel that the services of :mod:`tests.fakes.services` have all parts of."""

_numbers = itertools.count(1)


def template(**values: Any) -> ClusterTemplate:
    """Make a Swarm template on Fedora Atomic."""
    defaults = {
        "uuid": str(uuid.uuid4()),
        "project_id": PROJECT,
        "user_id": USER,
        "name": f"template-{next(_numbers)}",
        "coe": "swarm",
        "server_type": "vm",
        "cluster_distro": "fedora-atomic",
        "image_id": "fedora-21-atomic-5",
        "keypair_id": "testkey",
        "external_network_id": "public",
        "flavor_id": "m1.small",
        "network_driver": "docker",
    }
    return ClusterTemplate(**{**defaults, **values})


def cluster(of: ClusterTemplate, **values: Any) -> Cluster:
    """Make a cluster of one master and one worker, just asked for."""
    defaults = {
        "uuid": str(uuid.uuid4()),
        "project_id": of.project_id,
        "user_id": of.user_id,
        "name": f"cluster-{next(_numbers)}",
        "cluster_template_id": of.uuid,
        "status": "CREATE_IN_PROGRESS",
        "ssh_public_key": PUBLIC_KEY,
    }
    row = Cluster(**{**defaults, **values})
    row.node_groups = [
        NodeGroup(
            uuid=str(uuid.uuid4()),
            project_id=row.project_id,
            name=f"default-{role}",
            role=role,
            is_default=True,
            node_count=1,
        )
        for role in ("master", "worker")
    ]
    return row


def container(on: Cluster, **values: Any) -> Container:
    """Make a container that is on no engine yet."""
    defaults = {
        "uuid": str(uuid.uuid4()),
        "project_id": on.project_id,
        "user_id": on.user_id,
        "name": f"container-{next(_numbers)}",
        "image": "busybox",
        "status": "Unknown",
        "cluster_id": on.uuid,
        "memory_bytes": 0,
    }
    return Container(**{**defaults, **values})


def add_cluster(database: Database, action: Action | None = None, **values: Any) -> Cluster:
    """Write a cluster with its template, and an operation on it if an action is given."""
    of = template(project_id=values.get("project_id", PROJECT))
    row = cluster(of, **values)

    def write(session: Session) -> None:
        session.add(of)
        session.flush()
        session.add(row)
        session.flush()
        if action:
            add_operation(session, row, action)

    database.write(write)
    return row


def add_resize(
    session: Session, row: Cluster, to: int, *, rollback: bool, timeout_seconds: float = 600.0
) -> None:
    """Write an update of a cluster's workers as the API does."""
    present = repository.lock(session, Cluster, row.uuid)
    (workers,) = (group for group in present.node_groups if group.role == "worker")
    before, workers.node_count = {"node_count": workers.node_count}, to
    change = {"before": before, "wanted": {"node_count": to}, "rollback": rollback}
    add_operation(session, present, Action.UPDATE, timeout_seconds, change)


def add_operation(
    session: Session,
    row: Cluster,
    action: Action,
    timeout_seconds: float = 600.0,
    change: Mapping[str, Any] | None = None,
) -> str:
    """Write an operation as the API does, and show it in the cluster's status."""
    operation_id = str(uuid.uuid4())
    if action is Action.DELETE:
        operations.supersede(session, row.uuid)
    session.merge(row).status = states.status(action, states.Outcome.IN_PROGRESS)
    operations.add(session, row, action, change or {}, USER, "req-1", timeout_seconds, operation_id)
    return operation_id
