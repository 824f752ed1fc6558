# SPDX-License-Identifier: Apache-2.0
"""The world that fuzzing begins with: rows of every status, of several projects, and their callers.

Every request finds it as it was made, so that a failing one fails alone as well.
"""

import copy
import pathlib
import sqlite3
import uuid
from typing import Any

from oslo_config import cfg
from sqlalchemy.orm import Session

from magnum.api import app
from magnum.certs import x509
from magnum.clients import neutron
from magnum.core import states
from magnum.core.cluster import Role
from magnum.db import models, repository
from magnum.db.models import Cluster, ClusterTemplate, Container
from magnum.db.session import Database
from tests import factories
from tests.fakes.services import TokenGuard, World

SECRET = "t0ken-that-nobody-may-see"
OWNER, ADMIN, STRANGER = f"alice:blue::{SECRET}", f"boss:blue:admin:{SECRET}", f"eve:red::{SECRET}"
MASTER_NODE, WORKER_NODE = f"node-master:::{SECRET}", f"node-worker:::{SECRET}"
NOBODY = f"nobody:::{SECRET}"
TOKENS = (OWNER, ADMIN, STRANGER, MASTER_NODE, WORKER_NODE, NOBODY)

NODE_ADDRESSES: dict[Role, dict[str, str]] = {
    "master": {"5b0d2c1e-0000-4000-8000-000000000004": "10.0.0.4"},
    "worker": {
        "5b0d2c1e-0000-4000-8000-000000000005": "10.0.0.5",
        "5b0d2c1e-0000-4000-8000-000000000006": "10.0.0.6",
    },
}
"""By role the address of each port."""


def ident(name: str) -> str:
    """Return the uuid of the row of that name."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))


COMMON = {
    "image_id": "fedora-atomic-21",
    "keypair_id": "ops",
    "external_network_id": "public",
    "flavor_id": "m1.small",
    "user_id": "alice",
    "project_id": "blue",
}
TEMPLATES: dict[str, dict[str, Any]] = {
    "free": {"labels": {"flannel_backend": "vxlan", "a": "b", "0": "null"}, "keypair_id": None},
    "used": {},
    "published": {"project_id": "red", "public": True},
    "foreign": {"project_id": "red"},
    "k8s": {"coe": "kubernetes"},
    "mesos": {"coe": "mesos", "cluster_distro": "ubuntu"},
    "sent. ence": {},
    "full": {
        "dns_nameserver": "8.8.8.8",
        "apiserver_port": 8080,
        "docker_volume_size": 5,
        "docker_storage_driver": "devicemapper",
        "http_proxy": "http://proxy.test:3128",
        "no_proxy": "a,b",
        "master_flavor_id": "1",
    },
}
CLUSTERS: dict[str, dict[str, Any]] = {
    **{status.lower(): {"status": status} for status in sorted(states.ALL)},
    "without-authority": {"ca_cert_ref": None},
    "of-red": {"project_id": "red", "user_id": "eve"},
    "sent.": {"status": "CREATE_IN_PROGRESS", "ca_cert_ref": None, "of": "sent. ence"},
}
TWINS = ("twin", "twin")
TEMPLATE_IDENTS = (*TEMPLATES, *map(ident, TEMPLATES), *TWINS[:1])
USABLE = ("free", "used", "full", "published", ident("used"))
"""Templates that a cluster of alice's can be made from."""

CLUSTER_IDENTS = (*CLUSTERS, *map(ident, CLUSTERS), *TWINS[:1])


CONTAINERS: dict[str, dict[str, Any]] = {
    "web": {"memory": "64m", "memory_bytes": 64 * 2**20, "environment": {"A": "b", "0": "null"}},
    "job": {"command": "sh -c 'sleep 9'", "state": "running"},
    "frozen": {"state": "paused", "on": "update_failed"},
    "unmade": {"status": "Error", "status_reason": "No such image.", "state": None},
    "of-reds": {"project_id": "red", "user_id": "eve", "on": "of-red"},
}
CONTAINER_IDENTS = (*CONTAINERS, *map(ident, CONTAINERS), *TWINS[:1])
HOSTS = ("create_complete", "update_complete", "update_failed")
"""Clusters that take containers of alice's."""

_STATUSES = {"created": "Stopped", "running": "Running", "paused": "Paused", None: "Error"}


def _template(name: str, **more: Any) -> ClusterTemplate:
    values = {"uuid": ident(name), "name": name, "cluster_distro": "fedora-atomic", "labels": {}}
    return factories.template(**{**values, **COMMON, **more})


def _cluster(
    templates: dict[str, ClusterTemplate], name: str, of: str = "used", **more: Any
) -> Cluster:
    values = {
        "uuid": ident(name),
        "name": name,
        "status": "CREATE_COMPLETE",
        "ca_cert_ref": "ca",
        "master_user_id": "node-master",
        "worker_user_id": "node-worker",
        "user_id": "alice",
        "api_address": "https://198.51.100.7:2376",
        "stack_id": ident(f"{name}-stack"),
    }
    row = factories.cluster(templates[of], **{**values, **more})
    for group in row.node_groups:
        group.node_addresses = ["198.51.100.7"]
    return row


def _container(
    clusters: dict[str, Cluster],
    name: str,
    on: str = "create_complete",
    state: str | None = "created",
    **more: Any,
) -> Container:
    values: dict[str, Any] = {
        "uuid": ident(name),
        "name": name,
        "user_id": "alice",
        "status": _STATUSES[state],
        "environment": {},
        "host": "10.0.0.2",
        "host_id": "node-2",
        "docker_id": None if state is None else uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}{more}").hex,
    }
    return factories.container(clusters[on], **{**values, **more})


def _fill(session: Session) -> None:
    rows = {name: _template(name, **values) for name, values in TEMPLATES.items()}
    session.add_all(rows.values())
    session.add_all(_template(name, uuid=ident(f"twin{n}")) for n, name in enumerate(TWINS))
    session.flush()
    clusters = {name: _cluster(rows, name, **values) for name, values in CLUSTERS.items()}
    session.add_all(clusters.values())
    session.add_all(_cluster(rows, name, uuid=ident(f"twin{n}")) for n, name in enumerate(TWINS))
    session.flush()
    session.add_all(_container(clusters, name, **values) for name, values in CONTAINERS.items())
    session.add_all(
        _container(clusters, name, HOSTS[n], uuid=ident(f"twin{n}")) for n, name in enumerate(TWINS)
    )
    repository.heartbeat(session, "ctl1", "magnum-conductor")


class _Sessions:
    """Leads nowhere: what is asked of Neutron with it is answered by :func:`_addresses`."""

    def service(self, _project_id: str) -> None:
        """Return what passes for a session."""


def _addresses(_session: Any, _cluster_uuid: str, role: Role, port_id: str) -> set[str]:
    return {NODE_ADDRESSES[role][port_id]} if port_id in NODE_ADDRESSES[role] else set()


class Stage:
    """The real application over the real service layer, and its database, which can go back.

    :ivar application: what the requests are sent to.
    :ivar authority: the certificate authority of every cluster.
    """

    def __init__(self, conf: cfg.ConfigOpts, path: pathlib.Path, monkeypatch: Any) -> None:
        self.database = Database()
        models.Base.metadata.create_all(self.database.engine)
        self.database.write(_fill)
        self.world = World(conf, self.database)
        self.authority = x509.create_ca("fuzzed", x509.KeyPolicy("ec", 2048))
        certificates: Any = self.world.services.certificates
        certificates._store.ensure("ca", lambda: copy.copy(self.authority))
        monkeypatch.setattr(certificates, "_sessions", _Sessions())
        monkeypatch.setattr(neutron, "addresses_of_node", _addresses)
        self.application = app.build(self.world.services, conf, TokenGuard)
        self._furnish()
        self._observer = sqlite3.connect(path)
        self._first = sqlite3.connect(":memory:")
        self._observer.backup(self._first)

    def version(self) -> int:
        """Return a number that changes with every transaction that has changed something."""
        found: int = self._observer.execute("PRAGMA data_version").fetchone()[0]
        return found

    def restore(self) -> None:
        """Put all rows back, and all containers."""
        self._first.backup(self._observer)
        self._furnish()

    def _furnish(self) -> None:
        room = self.world.room
        room.images = None
        room.boxes.clear()
        room.nodes.clear()
        states = {ident(name): each.get("state", "created") for name, each in CONTAINERS.items()}
        for uuid_, state in [*states.items(), *((ident(f"twin{n}"), "created") for n in (0, 1))]:
            if state is not None:
                room.put(uuid_, "node-2", state)

    def close(self) -> None:
        """Let go of the database."""
        for connection in (self._observer, self._first):
            connection.close()
        self.database.engine.dispose()
