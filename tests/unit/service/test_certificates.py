# SPDX-License-Identifier: Apache-2.0
"""Who gets a certificate of a cluster's authority: its project, and its own nodes."""

import ipaddress
from typing import Any, cast

import pytest
from cryptography import x509 as library
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AttributeOID, ExtendedKeyUsageOID, NameOID
from oslo_config import cfg

from magnum.certs import x509
from magnum.clients import neutron
from magnum.context import RequestContext
from magnum.core import errors
from magnum.db.models import Cluster
from magnum.db.session import Database
from magnum.metrics import instruments
from magnum.service.certificates import Certificates
from tests import factories
from tests.fakes.cloud import FakeCloud
from tests.unit.service.conftest import caller

MASTER, WORKER = "master-user", "worker-user"


PORTS = {
    "10.0.0.4": "9b1c6f0e-3f0a-4f43-8f5e-6a4b1f4f0a04",
    "10.0.0.5": "9b1c6f0e-3f0a-4f43-8f5e-6a4b1f4f0a05",
    "10.0.0.6": "9b1c6f0e-3f0a-4f43-8f5e-6a4b1f4f0a06",
}
ROLES = {"10.0.0.4": "master", "10.0.0.5": "worker", "10.0.0.6": "worker"}


def request_for(common_name: str, address: str, of: str = "10.0.0.5") -> str:
    """Make a signing request of a server, as the node at the address ``of`` does."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = library.Name([library.NameAttribute(NameOID.COMMON_NAME, common_name)])
    names = library.SubjectAlternativeName([library.IPAddress(ipaddress.ip_address(address))])
    usages = library.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    builder = library.CertificateSigningRequestBuilder().subject_name(name)
    builder = builder.add_extension(names, critical=False).add_extension(usages, critical=False)
    builder = builder.add_attribute(AttributeOID.CHALLENGE_PASSWORD, PORTS[of].encode())
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture
def row(database: Database) -> Cluster:
    return factories.add_cluster(
        database,
        ca_cert_ref="ref:ca",
        master_user_id=MASTER,
        worker_user_id=WORKER,
    )


@pytest.fixture
def service(
    conf: cfg.ConfigOpts, database: Database, monkeypatch: pytest.MonkeyPatch
) -> Certificates:
    cloud = FakeCloud()
    cloud.store.bundles["ca"] = x509.create_ca("b1", x509.KeyPolicy())

    def addresses_of_node(session: object, uuid: str, role: str, port_id: str) -> set[str]:
        return {own for own in PORTS if ROLES[own] == role and PORTS[own] == port_id}

    monkeypatch.setattr(neutron, "addresses_of_node", addresses_of_node)
    sessions: Any = type("Sessions", (), {"service": lambda self, project: None})()
    return Certificates(conf, database, sessions, cloud.store)


def node(user_id: str) -> RequestContext:
    return cast("RequestContext", caller(project_id=None, user_id=user_id))


def test_member_gets_the_authority_and_a_signature(
    service: Certificates, row: Cluster, mine: RequestContext
) -> None:
    found = service.cluster(mine, row.name)
    authority = library.load_pem_x509_certificate(service.authority(mine, found).encode())
    signed = library.load_pem_x509_certificate(
        service.sign(mine, found, request_for("anyone", "192.0.2.9")).encode()
    )
    signed.verify_directly_issued_by(authority)


def test_signatures_are_counted_by_who_asked(
    service: Certificates, row: Cluster, mine: RequestContext
) -> None:
    registry = instruments.enable(instruments.API)
    service.sign(mine, row, request_for("anyone", "192.0.2.9"))
    with pytest.raises(errors.Invalid):
        service.sign(mine, row, "nonsense")
    instruments.disable()
    name = "magnum_certificates_signed_total"
    assert registry.get_sample_value(name, {"requester": "user"}) == 1
    assert registry.get_sample_value(name, {"requester": "node"}) is None


def test_cluster_of_another_project_does_not_exist(
    service: Certificates, row: Cluster, stranger: RequestContext
) -> None:
    with pytest.raises(errors.NotFound):
        service.cluster(stranger, row.uuid)


@pytest.mark.parametrize(("user", "address"), [(MASTER, "10.0.0.4"), (WORKER, "10.0.0.5")])
def test_node_gets_a_certificate_for_its_own_address(
    service: Certificates, row: Cluster, user: str, address: str
) -> None:
    found = service.cluster(node(user), row.uuid)
    assert "BEGIN CERTIFICATE" in service.authority(node(user), found)
    assert "BEGIN CERTIFICATE" in service.sign(
        node(user), found, request_for("swarm.invalid", address, of=address)
    )


@pytest.mark.parametrize(
    ("common_name", "address"),
    [
        ("swarm.invalid", "10.0.0.4"),
        ("swarm.invalid", "10.0.0.6"),
        ("swarm.invalid", "192.0.2.9"),
        ("admin", "10.0.0.5"),
    ],
)
def test_worker_gets_no_other_address_and_no_other_name(
    service: Certificates, row: Cluster, common_name: str, address: str
) -> None:
    found = service.cluster(node(WORKER), row.uuid)
    with pytest.raises(errors.Forbidden):
        service.sign(node(WORKER), found, request_for(common_name, address))


def test_node_of_another_cluster_is_nobody(service: Certificates, row: Cluster) -> None:
    for ident in (row.uuid, row.name, "7d5cbf1a-0000-4000-8000-000000000000"):
        with pytest.raises(errors.Forbidden):
            service.cluster(node("node-of-another"), ident)


def test_absent_user_is_no_node_of_a_cluster_without_users(
    service: Certificates, database: Database
) -> None:
    row = factories.add_cluster(database)
    with pytest.raises(errors.Forbidden):
        service.cluster(cast("Any", caller(project_id=None, user_id=cast("Any", None))), row.uuid)


def test_authority_that_is_not_made_yet_is_a_conflict(
    service: Certificates, database: Database, mine: RequestContext
) -> None:
    row = factories.add_cluster(database)
    with pytest.raises(errors.Conflict, match="no certificate authority yet"):
        service.authority(mine, service.cluster(mine, row.uuid))


@pytest.mark.parametrize("csr", ["", "nonsense", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n"])
def test_nonsense_is_no_request(
    service: Certificates, row: Cluster, mine: RequestContext, csr: str
) -> None:
    for context in (mine, node(WORKER)):
        with pytest.raises(errors.Invalid):
            service.sign(context, service.cluster(context, row.uuid), csr)
