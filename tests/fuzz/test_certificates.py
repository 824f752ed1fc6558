# SPDX-License-Identifier: Apache-2.0
"""Signing requests of owners, strangers and nodes."""

from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import strategies as st

from magnum.core import fields
from tests import der
from tests.fuzz import csrs, values, world
from tests.fuzz.conftest import Fuzz
from tests.wire import Answer, Request

# The library takes such names and says that it does; nobody sees that but tests.
pytestmark = pytest.mark.filterwarnings("ignore:Attribute's length must be:UserWarning")

CLUSTER = world.ident("create_complete")
NAMES = [field.name for field in fields.CERTIFICATE_FIELDS]


def _request(body: Any, token: str) -> Request:
    headers = (("Content-Type", "application/json"), ("X-Auth-Token", token))
    return Request("POST", b"/v1/certificates", headers, values.encoded(body))


def _body(csr: Any, cluster: Any, change: tuple[str, Any] | None) -> Any:
    body = {"csr": csr, "bay_uuid": cluster}
    return body if change is None else {**body, change[0]: change[1]}


def test_a_signing_request_is_signed_or_refused_and_never_fails(fuzz: Fuzz) -> None:
    changes = st.tuples(st.sampled_from(NAMES), st.one_of(values.junk, st.just(CLUSTER)))
    requests = st.builds(
        _request,
        st.builds(
            _body,
            csrs.texts,
            values.weighted((3, st.just(CLUSTER)), (1, st.sampled_from(world.CLUSTER_IDENTS))),
            values.weighted((3, st.none()), (1, changes)),
        ),
        st.sampled_from([*[world.OWNER] * 3, *[world.WORKER_NODE] * 2, *world.TOKENS]),
    )
    counts = fuzz.run(requests, "certificates")
    assert 0.1 < counts[201] / counts.total() < 0.9
    assert counts[403]


def test_a_node_gets_a_certificate_of_a_node_and_no_other(fuzz: Fuzz) -> None:
    """Ask for all sorts as a worker; whatever is signed must be a server's at its own address."""

    requests = st.builds(
        lambda text: _request(_body(text, CLUSTER, None), world.WORKER_NODE),
        values.weighted((4, csrs.node), (1, csrs.odd), (1, csrs.damaged)).map(der.pem),
    )
    counts = fuzz.run(requests, "certificates of nodes", _look_at_node_certificate)
    assert counts[201] > counts.total() / 20


def _look_at_node_certificate(answer: Answer) -> None:
    if answer.status != 201:
        return
    certificate = x509.load_pem_x509_certificate(answer.json()["pem"].encode())
    found = {type(extension.value): extension.value for extension in certificate.extensions}
    usages: Any = found[x509.ExtendedKeyUsage]
    assert list(usages) == [ExtendedKeyUsageOID.SERVER_AUTH]
    constraints: Any = found.get(x509.BasicConstraints)
    assert constraints is None or not constraints.ca
    names: Any = found.get(x509.SubjectAlternativeName, ())
    for name in names:
        assert name.value.is_loopback or str(name.value) == "10.0.0.5"
