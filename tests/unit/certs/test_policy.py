# SPDX-License-Identifier: Apache-2.0
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose, NameOID

from magnum.certs.policy import SigningPolicy, challenge_password, check_node_request, key_usage
from magnum.core.errors import Forbidden
from magnum.drivers.contract import NodeCertificateRule
from tests import der
from tests.fakes.openstack import make_conf

RULE = NodeCertificateRule(
    common_names=("swarm.invalid",),
    organizations=("nodes",),
    extended_key_usages=frozenset({"serverAuth", "clientAuth"}),
)
KEY = ec.generate_private_key(ec.SECP256R1())
GOOD_SUBJECT = [(NameOID.COMMON_NAME, "swarm.invalid")]
UTF8_STRING, UNSTRUCTURED_NAME = 0x0C, "1.2.840.113549.1.9.2"
SERVER = x509.ExtendedKeyUsage([Purpose.SERVER_AUTH, Purpose.CLIENT_AUTH])


def ip(address):
    return x509.IPAddress(ipaddress.ip_address(address))


def asking(*attributes):
    spki = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return x509.load_der_x509_csr(der.request(der.name([]), spki, attributes=attributes))


def check(*values, subject=GOOD_SUBJECT, purposes=SERVER):
    name = x509.Name([x509.NameAttribute(oid, value) for oid, value in subject])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    for value in (*values, *([purposes] if purposes else [])):
        builder = builder.add_extension(value, critical=False)
    check_node_request(builder.sign(KEY, hashes.SHA256()), RULE, {"10.0.0.5", "2001:db8::1"})


WORD = der.tlv(UTF8_STRING, b"word")
NAME = der.attribute(UNSTRUCTURED_NAME, der.tlv(UTF8_STRING, b"x"))


@pytest.mark.parametrize("others", [[], [NAME]])
def test_challenge_password_is_read(others):
    assert (
        challenge_password(asking(*others, der.attribute(der.CHALLENGE_PASSWORD, WORD))) == "word"
    )


@pytest.mark.parametrize(
    "attributes",
    [
        [],
        [NAME],
        [der.attribute(der.CHALLENGE_PASSWORD)],
        [der.attribute(der.CHALLENGE_PASSWORD, WORD, WORD)],
        [der.attribute(der.CHALLENGE_PASSWORD, der.tlv(UTF8_STRING, b"\xff"))],
        [der.attribute(der.CHALLENGE_PASSWORD, WORD), der.attribute(UNSTRUCTURED_NAME, WORD, WORD)],
    ],
)
def test_request_without_one_challenge_password_that_is_text_has_none(attributes):
    assert challenge_password(asking(*attributes)) is None


def test_what_a_node_needs_is_allowed():
    check(
        x509.SubjectAlternativeName(
            [ip("10.0.0.5"), ip("127.0.0.1"), ip("::1"), ip("2001:db8:0::1")]
        ),
        x509.BasicConstraints(ca=False, path_length=None),
        key_usage("digital_signature", "key_encipherment"),
        subject=[*GOOD_SUBJECT, (NameOID.ORGANIZATION_NAME, "nodes")],
    )


def test_no_names_are_needed():
    check()


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ([(NameOID.COMMON_NAME, "admin")], "common name 'admin', only swarm.invalid"),
        ([], "common name"),
        ([*GOOD_SUBJECT, *GOOD_SUBJECT], "common name"),
        ([*GOOD_SUBJECT, (NameOID.ORGANIZATION_NAME, "system:masters")], "system:masters"),
        ([*GOOD_SUBJECT, (NameOID.ORGANIZATIONAL_UNIT_NAME, "x")], "OU in its subject"),
        ([*GOOD_SUBJECT, (NameOID.EMAIL_ADDRESS, "a@b.test")], "in its subject"),
    ],
)
def test_another_subject_is_forbidden(subject, words):
    with pytest.raises(Forbidden, match=words) as caught:
        check(subject=subject)
    assert caught.value.code == 403


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (ip("10.0.0.6"), "address 10.0.0.6"),
        (x509.IPAddress(ipaddress.ip_network("10.0.0.0/8")), "address 10.0.0.0/8"),
        (x509.DNSName("localhost"), "alternative name 'localhost'"),
        (x509.RFC822Name("a@b.test"), "alternative name"),
        (x509.UniformResourceIdentifier("spiffe://x"), "alternative name"),
        (x509.RegisteredID(x509.ObjectIdentifier("1.2.3")), "alternative name"),
        (x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\x05\x00"), "alternative name"),
    ],
)
def test_another_name_is_forbidden(name, words):
    with pytest.raises(Forbidden, match=words):
        check(x509.SubjectAlternativeName([ip("10.0.0.5"), name]))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (x509.BasicConstraints(ca=True, path_length=None), "to be a CA"),
        (key_usage("digital_signature", "key_cert_sign"), "Certificate Sign"),
        (key_usage("crl_sign"), "CRL Sign"),
        (x509.OCSPNoCheck(), "extension OCSPNoCheck"),
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b""), "extension 1.2.3"),
    ],
)
def test_another_extension_is_forbidden(value, words):
    with pytest.raises(Forbidden, match=words):
        check(value)


@pytest.mark.parametrize(
    ("purposes", "words"),
    [
        (None, "no extendedKeyUsage"),
        (x509.ExtendedKeyUsage([Purpose.CODE_SIGNING]), "1.3.6.1.5.5.7.3.3"),
        (x509.ExtendedKeyUsage([Purpose.ANY_EXTENDED_KEY_USAGE]), "extended key usage"),
    ],
)
def test_another_purpose_is_forbidden(purposes, words):
    with pytest.raises(Forbidden, match=words):
        check(purposes=purposes)


def test_the_policy_reads_the_options():
    conf = make_conf()
    conf.set_override("allowed_key_usage", ["Digital Signature", "Certificate Sign"], "x509")
    policy = SigningPolicy.from_conf(conf)
    assert policy.allowed_key_usage == {"Digital Signature"}
    assert "subjectAltName" in policy.allowed_extensions
    assert policy.validity_days == 1825
    conf.set_override("allow_ca", True, "x509")
    assert "Certificate Sign" in SigningPolicy.from_conf(conf).allowed_key_usage
