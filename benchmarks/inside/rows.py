# SPDX-License-Identifier: Apache-2.0
"""Rows for a benchmark, written directly; and away with what they keep outside the database.

``rows.py CONFIG fill PROJECT USER`` and ``rows.py CONFIG clear`` for the API; ``rows.py CONFIG fly
BAYS PROJECTS`` and ``rows.py CONFIG held`` for conductors.  Each prints one line of JSON.
"""

import json
import sys
import uuid
from collections.abc import Callable
from typing import Any

from cryptography import x509 as pyca
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from oslo_config import cfg
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from magnum.certs import manager, x509
from magnum.clients.sessions import Sessions
from magnum.cmd import options
from magnum.core.states import Action
from magnum.db import operations
from magnum.db.models import Cluster, ClusterTemplate, MagnumService, NodeGroup, Operation
from magnum.db.session import Database

BAYMODELS = 20
BAYS = 100


def _store(conf: cfg.ConfigOpts) -> manager.CertStore:
    return manager.load_store(conf, Sessions(conf), Database())


def _keys(conf: cfg.ConfigOpts) -> x509.KeyPolicy:
    group = conf.x509
    return x509.KeyPolicy(group.key_type, group.rsa_key_size, group.term_of_validity)


def _baymodel(number: int, owner: dict[str, str]) -> ClusterTemplate:
    return ClusterTemplate(
        **owner,
        uuid=str(uuid.uuid4()),
        name=f"model-{number}",
        coe="swarm",
        server_type="vm",
        cluster_distro="fedora-atomic",
        image_id="fedora-21-atomic-5",
        keypair_id="testkey",
        external_network_id="public",
        flavor_id="m1.small",
        master_flavor_id="m1.small",
        dns_nameserver="8.8.8.8",
        network_driver="docker",
        docker_volume_size=5,
        labels={"rexray_preempt": "false"},
    )


def _bay(number: int, owner: dict[str, str], baymodel: ClusterTemplate) -> Cluster:
    row = Cluster(
        **owner,
        uuid=str(uuid.uuid4()),
        name=f"bay-{number}",
        cluster_template_id=baymodel.uuid,
        keypair="testkey",
        create_timeout=60,
        discovery_url=f"https://discovery.example.com/{uuid.uuid4().hex}",
        status="CREATE_COMPLETE",
        stack_id=str(uuid.uuid4()),
        api_address=f"tcp://198.18.7.{number}:2376",
    )
    row.node_groups = [
        NodeGroup(
            uuid=str(uuid.uuid4()),
            project_id=row.project_id,
            name=f"default-{role}",
            role=role,
            is_default=True,
            node_count=count,
            node_addresses=[f"198.18.{8 + node}.{number}" for node in range(count)],
        )
        for role, count in (("master", 1), ("worker", 2))
    ]
    return row


def _csr(conf: cfg.ConfigOpts) -> str:
    name = pyca.Name([pyca.NameAttribute(NameOID.COMMON_NAME, "benchmark")])
    builder = pyca.CertificateSigningRequestBuilder().subject_name(name)
    signed = builder.sign(_keys(conf).new_key(), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def fill(conf: cfg.ConfigOpts, project_id: str, user_id: str) -> dict[str, Any]:
    """Write all rows; one of the bays has its authority in the certificate store."""
    owner = {"project_id": project_id, "user_id": user_id}
    baymodels = [_baymodel(number, owner) for number in range(1, BAYMODELS + 1)]
    bays = [_bay(number, owner, baymodels[number % BAYMODELS]) for number in range(1, BAYS + 1)]
    chosen = bays[BAYS // 2]
    chosen.ca_cert_ref, _ = _store(conf).ensure(
        manager.ca_name(chosen.uuid), lambda: x509.create_ca(chosen.name, _keys(conf))
    )

    def write(session: Session) -> None:
        session.add_all(baymodels)
        session.flush()
        session.add_all(bays)

    Database().write(write)
    return {"bay": chosen.uuid, "baymodel": baymodels[0].uuid, "csr": _csr(conf)}


def clear(conf: cfg.ConfigOpts) -> dict[str, Any]:
    """Take the authorities out of the certificate store; the rows go with their database."""
    with_authority = select(Cluster.uuid).where(Cluster.ca_cert_ref.is_not(None))
    uuids = Database().read(lambda session: session.scalars(with_authority).all())
    store = _store(conf)
    for bay in uuids:
        store.delete(manager.ca_name(bay))
    return {"cleared": len(uuids)}


def fly(_conf: cfg.ConfigOpts, bays: str, projects: str) -> dict[str, Any]:
    """Write bays whose stack Heat has begun to build, with operations that nobody holds."""
    owners = [{"project_id": f"{n:032x}", "user_id": "u"} for n in range(int(projects))]
    baymodels = [_baymodel(number, owner) for number, owner in enumerate(owners)]
    made = [
        _bay(number, owners[number % len(owners)], baymodels[number % len(owners)])
        for number in range(int(bays))
    ]

    def write(session: Session) -> None:
        session.add_all(baymodels)
        session.flush()
        for bay in made:
            bay.status = "CREATE_IN_PROGRESS"
        session.add_all(made)
        session.flush()
        for bay in made:
            operations.add(session, bay, Action.CREATE, {}, "u", None, 3600.0, str(uuid.uuid4()))
        session.execute(update(Operation).values(step="stack"))

    Database().write(write)
    return {"flying": len(made)}


def held(_conf: cfg.ConfigOpts) -> dict[str, Any]:
    """Count the conductors that have sent a heartbeat, and what each conductor holds."""
    count = (
        select(Operation.lease_owner, func.count())
        .where(Operation.lease_owner.is_not(None))
        .group_by(Operation.lease_owner)
    )

    def read(session: Session) -> dict[str, Any]:
        alive = session.scalar(select(func.count()).select_from(MagnumService))
        return {"conductors": alive, "held": {row[0]: row[1] for row in session.execute(count)}}

    return Database().read(read)


COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {
    "fill": fill,
    "clear": clear,
    "fly": fly,
    "held": held,
}

if __name__ == "__main__":
    config, command, *words = sys.argv[1:]
    parsed = options.parse(["--config-file", config])
    print(json.dumps(COMMANDS[command](parsed, *words)))
