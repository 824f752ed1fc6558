# SPDX-License-Identifier: Apache-2.0
"""What the user of a bay's nodes may call: its own authority, its own certificates, nothing else.

Whoever takes a node over has that user's password.  Here two bays of one project are there, and
the nodes' users of one of them try every call about the other and every certificate but their own.
"""

import ipaddress
import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
import webob
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AttributeOID, ExtendedKeyUsageOID as Purpose, NameOID

from magnum.api import routes
from magnum.api.versions import Application
from magnum.certs.policy import key_usage
from magnum.clients import neutron
from magnum.core.cluster import Role
from magnum.core.states import Action
from magnum.db import repository
from magnum.db.models import Cluster
from tests import factories
from tests.fakes.services import World

pytestmark = pytest.mark.kinds("mariadb-utf8mb4")  # what is asked of it is the same row each time

ADDRESSES = {
    ("own", "master"): ["10.0.0.4"],
    ("own", "worker"): ["10.0.0.5", "10.0.0.6"],
    ("other", "master"): ["10.0.0.14"],
    ("other", "worker"): ["10.0.0.15"],
}
KEY = ec.generate_private_key(ec.SECP256R1())
SERVER = x509.ExtendedKeyUsage([Purpose.SERVER_AUTH])
CLIENT = x509.ExtendedKeyUsage([Purpose.SERVER_AUTH, Purpose.CLIENT_AUTH])
CALLS = [
    (route, method)
    for route in routes.ROUTES
    for method in route.handlers
    if not route.public and route.path[1] != "certificates"
]
NODES = ("master", "worker")


def _shown(part: object) -> str:
    return "/".join(part.path) if isinstance(part, routes.Route) else str(part)


def port_of(address: str) -> str:
    """Return the id of the port that has an address."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, address))


def request_for(
    address: str = "10.0.0.5",
    name: str = "swarm.invalid",
    organizations: Iterable[str] = (),
    purposes: x509.ExtendedKeyUsage = SERVER,
    *more: x509.ExtensionType,
    port: str | None = port_of("10.0.0.5"),
) -> str:
    """Make a signing request; what is not said is as one of the bay's own workers does it."""
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    parts += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, text) for text in organizations]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(parts))
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    for value in (names, purposes, *more):
        builder = builder.add_extension(value, critical=False)
    if port is not None:
        builder = builder.add_attribute(AttributeOID.CHALLENGE_PASSWORD, port.encode())
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture
def bays(world: World, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """Return the uuids of two bays with nodes, ``own`` and ``other``."""
    made = {}
    for name in ("own", "other"):
        row = factories.add_cluster(world.database, Action.CREATE, name=name, project_id="blue")
        made[name] = row.uuid
    world.conductor.finish()

    def give_nodes(session: Any) -> None:
        for name, ident in made.items():
            row = repository.lock(session, Cluster, ident)
            row.master_user_id, row.worker_user_id = f"{name}-master", f"{name}-worker"

    world.database.write(give_nodes)
    names = {ident: name for name, ident in made.items()}

    def addresses_of_node(_session: Any, ident: str, role: Role, port_id: str) -> set[str]:
        return {own for own in ADDRESSES[names[ident], role] if port_of(own) == port_id}

    monkeypatch.setattr(neutron, "addresses_of_node", addresses_of_node)
    return made


def send(
    application: Application, method: str, path: str, user: str, body: Any = None
) -> webob.Response:
    request = webob.Request.blank(path, method=method)
    request.headers["X-Auth-Token"] = user
    if body is not None:
        request.body, request.content_type = json.dumps(body).encode(), "application/json"
    return request.get_response(application)


@pytest.mark.parametrize("role", NODES)
@pytest.mark.parametrize(("route", "method"), CALLS, ids=_shown)
def test_every_other_call_is_forbidden_about_any_bay(
    application: Application, bays: Mapping[str, str], route: routes.Route, method: str, role: str
) -> None:
    for ident in (*bays.values(), *bays, str(uuid.uuid4())):
        path = "/" + "/".join(route.path).replace("{ident}", ident)
        bodies: tuple[Any, ...] = (None, {"name": "x", "baymodel_id": ident}, [])
        for body in bodies:
            answer = send(application, method, path, f"own-{role}", body)
            assert answer.status_int == 403, path
            assert "has no project" in answer.json["errors"][0]["title"]


@pytest.mark.parametrize("role", NODES)
def test_authority_of_its_own_bay_is_shown_and_of_no_other(
    application: Application, bays: Mapping[str, str], role: str
) -> None:
    def show(ident: str) -> int:
        return send(application, "GET", f"/v1/certificates/{ident}", f"own-{role}").status_int

    assert show(bays["own"]) == 200
    assert {show(ident) for ident in (bays["other"], "own", "other", str(uuid.uuid4()))} == {403}


@pytest.mark.parametrize("field", ["bay_uuid", "cluster_uuid"])
@pytest.mark.parametrize("role", NODES)
def test_own_bay_signs_and_no_other_does(
    application: Application, bays: Mapping[str, str], role: str, field: str
) -> None:
    def sign(ident: str, address: str) -> int:
        body = {field: ident, "csr": request_for(address, port=port_of(address))}
        return send(application, "POST", "/v1/certificates", f"own-{role}", body).status_int

    own, others = ADDRESSES["own", role][0], ADDRESSES["other", role][0]
    assert {sign(bays["own"], address) for address in ADDRESSES["own", role]} == {201}
    assert {sign(bays["other"], address) for address in (own, others)} == {403}
    assert sign("other", others) == 403


@pytest.mark.parametrize(
    ("csr", "words"),
    [
        (request_for(organizations=["system:masters"]), "system:masters"),
        (request_for(organizations=["nodes"]), "nodes"),
        (request_for(name="admin"), "admin"),
        (request_for(name="Magnum-Conductor"), "Magnum-Conductor"),
        (request_for("10.0.0.4"), "10.0.0.4"),  # a manager's
        (request_for("10.0.0.6"), "10.0.0.6"),  # of another worker
        (request_for("10.0.0.15"), "10.0.0.15"),  # of a worker of another bay
        (request_for(port=None), "challengePassword"),
        (request_for(port="10.0.0.5"), "challengePassword"),
        (request_for(port=str(uuid.uuid4())), "challengePassword"),
        (request_for("10.0.0.4", port=port_of("10.0.0.4")), "challengePassword"),
        (request_for("10.0.0.15", port=port_of("10.0.0.15")), "challengePassword"),
        (request_for("198.51.100.9"), "198.51.100.9"),
        (request_for(purposes=CLIENT), "clientAuth"),
        (
            request_for("10.0.0.5", "swarm.invalid", (), SERVER, key_usage("key_cert_sign")),
            "Certificate Sign",
        ),
        (
            request_for("10.0.0.5", "swarm.invalid", (), SERVER, x509.BasicConstraints(True, None)),
            "CA",
        ),
    ],
    ids=lambda part: part if len(part) < 40 else "csr",
)
def test_worker_gets_no_certificate_that_is_not_a_workers(
    application: Application, bays: Mapping[str, str], csr: str, words: str
) -> None:
    body = {"bay_uuid": bays["own"], "csr": csr}
    answer = send(application, "POST", "/v1/certificates", "own-worker", body)
    assert answer.status_int == 403
    assert words in answer.json["errors"][0]["detail"]


def test_nodes_of_a_bay_that_is_gone_are_nobody(
    application: Application, world: World, bays: Mapping[str, str]
) -> None:
    send(application, "DELETE", f"/v1/bays/{bays['own']}", "alice:blue")
    world.conductor.finish()
    for role in NODES:  # their tokens may outlive them for a while
        path = f"/v1/certificates/{bays['own']}"
        assert send(application, "GET", path, f"own-{role}").status_int == 403
        body = {"bay_uuid": bays["own"], "csr": request_for()}
        assert send(application, "POST", "/v1/certificates", f"own-{role}", body).status_int == 403
