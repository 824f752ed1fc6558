# SPDX-License-Identifier: Apache-2.0
"""Signing requests: right ones of many kinds, odd ones no library makes, and damaged ones."""

import datetime
import functools
import ipaddress
from collections.abc import Callable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519
from cryptography.x509.oid import (
    AttributeOID,
    AuthorityInformationAccessOID,
    ExtendedKeyUsageOID,
    ExtensionOID,
    NameOID,
)
from hypothesis import strategies as st

from magnum.certs.policy import key_usage
from tests import der
from tests.fuzz.values import weighted

Bytes = st.SearchStrategy[bytes]
_DER = serialization.Encoding.DER

_MAKERS: dict[str, Callable[[], Any]] = {
    "p256": lambda: ec.derive_private_key(7, ec.SECP256R1()),
    "p521": lambda: ec.derive_private_key(7, ec.SECP521R1()),
    "k256": lambda: ec.derive_private_key(7, ec.SECP256K1()),
    "ed25519": lambda: ed25519.Ed25519PrivateKey.from_private_bytes(b"7" * 32),
    "ed448": lambda: ed448.Ed448PrivateKey.from_private_bytes(b"7" * 57),
    "rsa1024": lambda: rsa.generate_private_key(public_exponent=65537, key_size=1024),
    "rsa2048": lambda: rsa.generate_private_key(public_exponent=3, key_size=2048),
    "dsa": lambda: dsa.generate_private_key(key_size=1024),
}


@functools.cache
def _key(kind: str) -> Any:
    return _MAKERS[kind]()


def _spki(key: Any) -> bytes:
    """Return a public key as requests hold it."""
    spki: bytes = key.public_key().public_bytes(
        _DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return spki


def _names(*parts: tuple[Any, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])


SUBJECTS = (
    _names(),
    _names((NameOID.COMMON_NAME, "swarm.invalid")),
    _names((NameOID.COMMON_NAME, "swarm.invalid"), (NameOID.ORGANIZATION_NAME, "system:masters")),
    _names((NameOID.COUNTRY_NAME, "US"), (NameOID.COMMON_NAME, "www.google.com")),
    _names((NameOID.COMMON_NAME, "sent. ence"), (NameOID.COMMON_NAME, "two")),
    _names((NameOID.COMMON_NAME, "\U0001f600" * 16), (NameOID.EMAIL_ADDRESS, "a@b")),
    x509.Name([x509.RelativeDistinguishedName(_names((NameOID.COMMON_NAME, "a"),
                                                     (NameOID.SURNAME, "b")))]),
)  # fmt: skip
_ADDRESSES = [x509.IPAddress(ipaddress.ip_address(f"10.0.0.{last}")) for last in (4, 5, 6)]
_ALTERNATIVES: tuple[list[x509.GeneralName], ...] = (
    [*_ADDRESSES[:1]],
    [*_ADDRESSES[1:2]],
    [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))],
    [x509.IPAddress(ipaddress.ip_network("10.0.0.0/8"))],
    [x509.DNSName("k1.test"), x509.DNSName(""), x509.RFC822Name("a@b")],
    [x509.DirectoryName(SUBJECTS[1]), x509.UniformResourceIdentifier("x:y")],
    [x509.RegisteredID(ExtensionOID.KEY_USAGE), x509.DNSName("x" * 3000)],
    [x509.OtherName(ExtensionOID.KEY_USAGE, b"\x05\x00")],
    [x509.DNSName(f"host{number}.test") for number in range(900)],
    [*_ADDRESSES],
    [],
)
_NOON = datetime.datetime(2020, 1, 1, 12, tzinfo=datetime.UTC)
_POINT = x509.DistributionPoint([x509.UniformResourceIdentifier("http://x")], None, None, None)
_POLICY = x509.PolicyInformation(
    ExtensionOID.KEY_USAGE, ["http://x", x509.UserNotice(None, "text")]
)
EXTENSIONS: tuple[x509.ExtensionType, ...] = (
    *(x509.SubjectAlternativeName(names) for names in _ALTERNATIVES),
    *(x509.BasicConstraints(ca, length) for ca, length in ((False, None), (True, None), (True, 0))),
    *(x509.ExtendedKeyUsage([usage]) for usage in (ExtendedKeyUsageOID.SERVER_AUTH,
                                                   ExtendedKeyUsageOID.CLIENT_AUTH)),
    x509.ExtendedKeyUsage([x509.ObjectIdentifier("2.5.29.37.0"), ExtendedKeyUsageOID.SERVER_AUTH]),
    *(key_usage(*usages) for usages in (("digital_signature",), ("key_cert_sign",), ("crl_sign",),
                                        ("key_agreement", "encipher_only"), ())),
    x509.SubjectKeyIdentifier(b"12345678"),
    x509.AuthorityKeyIdentifier(b"foreign", [x509.DNSName("x")], 7),
    x509.IssuerAlternativeName([x509.DNSName("x")]),
    x509.CRLDistributionPoints([_POINT]),
    x509.FreshestCRL([_POINT]),
    x509.NameConstraints([x509.DNSName("x")], None),
    x509.CertificatePolicies([_POLICY]),
    x509.PolicyConstraints(0, None),
    x509.InhibitAnyPolicy(0),
    x509.OCSPNoCheck(),
    x509.TLSFeature([x509.TLSFeatureType.status_request]),
    x509.AuthorityInformationAccess([
        x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.DNSName("x"))]),
    x509.PrivateKeyUsagePeriod(_NOON, None),
    x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"),
)  # fmt: skip

asked = st.lists(
    st.tuples(st.sampled_from(EXTENSIONS), st.booleans()),
    max_size=4,
    unique_by=lambda pair: pair[0].oid,
)


PORT = b"5b0d2c1e-0000-4000-8000-000000000005"
"""Id of the port of a worker, whose address is 10.0.0.5."""
_CHALLENGES = (None, b"", PORT.upper(), PORT + b" ", PORT[:-1] + b"4", PORT[:-1] + b"9", b"x" * 999,
               "\U0001f600".encode())  # fmt: skip


def _built(
    kind: str,
    subject: x509.Name,
    extensions: list[tuple[Any, bool]],
    challenge: bytes | None = None,
) -> bytes:
    """Return a request as the library makes it, the same each time but for DSA."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if challenge is not None:
        builder = builder.add_attribute(AttributeOID.CHALLENGE_PASSWORD, challenge)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    more: dict[str, Any] = {"ecdsa_deterministic": True} if kind[0] in "pk" else {}
    digest = None if kind.startswith("ed") else hashes.SHA256()
    return builder.sign(_key(kind), digest, **more).public_bytes(_DER)


right: Bytes = st.builds(_built, st.sampled_from([*_MAKERS]), st.sampled_from(SUBJECTS), asked)

_PURPOSES = [value for value in EXTENSIONS if isinstance(value, x509.ExtendedKeyUsage)]
_FURTHER = asked.map(
    lambda pairs: [
        pair
        for pair in pairs[:1]
        if not isinstance(pair[0], x509.ExtendedKeyUsage | x509.SubjectAlternativeName)
    ]
)
# What a worker of a cluster asks for, or a little else, or a little more.
node: Bytes = st.builds(
    lambda subject, names, purpose, more, challenge: _built(
        "p256", subject, [(names, False), (purpose, False), *more], challenge
    ),
    st.sampled_from([*[SUBJECTS[1]] * 5, *SUBJECTS]),
    st.sampled_from([*EXTENSIONS[1:3] * 5, *EXTENSIONS[: len(_ALTERNATIVES)]]),
    st.sampled_from([*_PURPOSES[:1] * 5, *_PURPOSES]),
    weighted((2, st.just([])), (1, _FURTHER)),
    st.sampled_from([*[PORT] * 3 * len(_CHALLENGES), *_CHALLENGES]),
)

_STRINGS = (0x0C, 0x13, 0x14, 0x16, 0x1C, 0x1E, 0x03, 0x02, 0x30, 0x00)
_KINDS = ("2.5.4.3", "2.5.4.6", "2.5.4.10", "2.5.4.45", "1.2.840.113549.1.9.1", "2.999.1", "0.0")
odd_names: Bytes = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from(_KINDS),
            st.sampled_from(_STRINGS),
            st.one_of(st.binary(max_size=9), st.sampled_from([b"", b"x" * 300, b"\xd8\0"])),
        ),
        max_size=2,
    ),
    max_size=3,
).map(der.name)
_OIDS = sorted({value.oid.dotted_string for value in EXTENSIONS} | {"2.5.29.54", "0.0", "2.999"})
_tags = st.sampled_from([*range(0x80, 0x89), *range(0xA0, 0xA9), 0x30, 0x31, 1, 2, 3, 4, 5, 6, 10])
_values = st.recursive(
    st.builds(der.tlv, _tags, st.binary(max_size=9)),
    lambda part: st.builds(
        lambda tag, parts: der.tlv(tag, *parts), _tags, st.lists(part, max_size=3)
    ),
    max_leaves=5,
)
odd_extensions: Bytes = st.builds(
    der.extension,
    st.sampled_from(_OIDS),
    st.booleans(),
    st.one_of(_values, _values.map(lambda value: der.tlv(0x30, value)), st.binary(max_size=20)),
)
_KEYS = [*map(_spki, map(_key, ("p256", "ed25519"))), _spki(
    x25519.X25519PrivateKey.from_private_bytes(b"7" * 32))]  # fmt: skip
_odd_attributes = st.lists(
    st.builds(
        lambda kind, values: der.attribute(kind, *values),
        st.sampled_from([der.CHALLENGE_PASSWORD, der.EXTENSION_REQUEST, "2.999"]),
        st.lists(_values, max_size=2),
    ),
    max_size=2,
)
odd: Bytes = st.builds(
    lambda subject, key, extensions, twice, version, attributes: der.request(
        subject, key, extensions * twice, version, attributes
    ),
    st.one_of(odd_names, st.just(der.name([[("2.5.4.3", 0x0C, b"swarm.invalid")]]))),
    weighted((4, st.sampled_from(_KEYS)), (1, _values)),
    st.lists(odd_extensions, max_size=2),
    st.sampled_from([1, 1, 1, 2]),
    st.sampled_from([0, 0, 0, 0, 1, 2, 255]),
    weighted((3, st.just([])), (1, _odd_attributes)),
)


def _damaged(text: bytes, places: list[tuple[int, int]], keep: int) -> bytes:
    """Change some bytes, and cut the rest off if there are fewer to keep."""
    changed = bytearray(text)
    for place, mask in places:
        changed[place % len(text)] ^= mask
    return bytes(changed[: max(keep, 1)])


damaged: Bytes = st.builds(
    _damaged,
    st.one_of(right, node, odd),
    st.lists(st.tuples(st.integers(0, 700), st.integers(1, 255)), max_size=3),
    st.one_of(st.just(10**6), st.integers(1, 400)),
)
LABELS = ("NEW CERTIFICATE REQUEST", "CERTIFICATE", "PRIVATE KEY", "", "X" * 300)
_wrapped = st.builds(
    lambda content, label, newline, before, after: (
        before + der.pem(content, label, newline) + after
    ),
    st.one_of(right, damaged),
    st.one_of(st.just("CERTIFICATE REQUEST"), st.sampled_from(LABELS)),
    st.sampled_from(["\n", "\r\n", "\r", "", " \n"]),
    st.sampled_from(["", "text\n", "Proc-Type: 4,ENCRYPTED\n\n", "\ufeff", "-----BEGIN X-----\n"]),
    st.sampled_from(["", "text", der.pem(b"\x30\x00"), der.pem(b"x", "X"), "\U0001f600"]),
)
texts = weighted(
    (2, right.map(der.pem)),
    (3, node.map(der.pem)),
    (2, odd.map(der.pem)),
    (2, damaged.map(der.pem)),
    (1, _wrapped),
)
