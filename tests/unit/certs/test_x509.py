# SPDX-License-Identifier: Apache-2.0
import ipaddress
import shutil
import subprocess
import warnings
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509 as crypto
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from magnum.certs import x509
from magnum.certs.policy import SigningPolicy, key_usage
from magnum.core.errors import Invalid
from tests import der

EC = x509.KeyPolicy()
POLICY = SigningPolicy(
    allow_ca=False,
    allowed_extensions=frozenset(
        {"keyUsage", "extendedKeyUsage", "subjectAltName", "basicConstraints"}
        | {"subjectKeyIdentifier"}
    ),
    allowed_key_usage=frozenset({"Digital Signature", "Key Encipherment", "Non Repudiation"}),
    validity_days=10,
)


@pytest.fixture(scope="module")
def ca():
    return x509.create_ca("k1", EC)


def request(*extensions, subject="kubernetes.invalid", key=None):
    """Make a signing request; extensions are (value, critical)."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = crypto.Name([crypto.NameAttribute(NameOID.COMMON_NAME, subject)])
    builder = crypto.CertificateSigningRequestBuilder().subject_name(name)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def signed(ca, *extensions, policy=POLICY, **more) -> crypto.Certificate:
    pem = x509.sign(request(*extensions, **more), ca, policy)
    assert pem.startswith("-----BEGIN CERTIFICATE-----\n")
    assert pem.count("BEGIN") == 1
    certificate = crypto.load_pem_x509_certificate(pem.encode())
    certificate.verify_directly_issued_by(ca.certificate())
    return certificate


def extension(certificate, kind):
    return certificate.extensions.get_extension_for_class(kind)


def test_a_ca_may_sign_end_entities_only(ca):
    certificate = ca.certificate()
    assert certificate.subject == certificate.issuer
    assert certificate.subject.rfc4514_string() == "CN=k1"
    constraints = extension(certificate, crypto.BasicConstraints)
    assert (constraints.critical, constraints.value.ca) == (True, True)
    assert constraints.value.path_length == 0
    usage = extension(certificate, crypto.KeyUsage)
    assert (usage.critical, usage.value) == (True, key_usage("key_cert_sign"))
    assert isinstance(ca.private_key().curve, ec.SECP256R1)


def test_validity_begins_a_day_ago(ca):
    certificate = ca.certificate()
    now = datetime.now(UTC)
    assert (
        timedelta(0)
        < now - certificate.not_valid_before_utc - timedelta(days=1)
        < timedelta(minutes=5)
    )
    assert certificate.not_valid_after_utc - now > timedelta(days=365 * 5 - 1)


def test_rsa_keys_can_be_chosen():
    bundle = x509.create_ca("k1", x509.KeyPolicy("rsa", 2048, 1))
    key = bundle.private_key()
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == 2048
    x509.issue_client(bundle, EC).certificate().verify_directly_issued_by(bundle.certificate())


def test_our_client_certificate_is_for_clients_only(ca):
    certificate = x509.issue_client(ca, EC).certificate()
    assert certificate.subject.rfc4514_string() == "CN=Magnum-Conductor"
    assert certificate.issuer == ca.certificate().subject
    purposes = extension(certificate, crypto.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert extension(certificate, crypto.BasicConstraints).value.ca is False
    wanted = key_usage("digital_signature", "key_encipherment")
    assert extension(certificate, crypto.KeyUsage).value == wanted


@pytest.mark.parametrize(
    "name", ["x" * 64, "x" * 65, "x" * 255, "\u00e9" * 40, "\u00e9" * 32, "\U0001f600" * 30]
)
def test_long_names_fit_and_chains_hold(name):
    bundle = x509.create_ca(name, EC)
    certificate = x509.issue_client(bundle, EC).certificate()
    assert certificate.issuer == bundle.certificate().subject
    assert len(x509.common_name(name).encode()) <= 64
    assert x509.common_name(name) == x509.common_name(name)


def test_long_names_stay_distinct():
    assert x509.common_name("x" * 70) != x509.common_name("x" * 71)


def test_a_bundle_survives_its_text_also_as_bytes(ca):
    assert x509.Bundle.from_pem(ca.to_pem()) == ca
    assert x509.Bundle.from_pem(ca.to_pem().encode()) == ca
    assert x509.Bundle.from_pem(ca.to_pem().rstrip()) == ca  # as Barbican gives it back


def test_a_bundle_does_not_show_its_key(ca):
    assert "PRIVATE" not in repr(ca)


def test_what_is_no_bundle_is_refused(ca):
    for text in ("", "nonsense", ca.certificate_pem):
        with pytest.raises(ValueError, match="neither a certificate nor a key"):
            x509.Bundle.from_pem(text)


def test_a_request_without_extensions_is_signed(ca):
    certificate = signed(ca, subject="www.google.com")
    assert certificate.subject.rfc4514_string() == "CN=www.google.com"
    assert certificate.not_valid_after_utc < datetime.now(UTC) + timedelta(days=10)
    extension(certificate, crypto.AuthorityKeyIdentifier)
    extension(certificate, crypto.SubjectKeyIdentifier)


def test_names_survive_also_those_of_directories(ca):
    directory = crypto.Name([crypto.NameAttribute(NameOID.COMMON_NAME, "kubelet")])
    names = crypto.SubjectAlternativeName(
        [
            crypto.IPAddress(ipaddress.ip_address("10.0.0.5")),
            crypto.DNSName("k1.test"),
            crypto.DirectoryName(directory),
        ]
    )
    assert extension(signed(ca, (names, False)), crypto.SubjectAlternativeName).value == names


def test_extended_usages_survive(ca):
    both = crypto.ExtendedKeyUsage(
        [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    )
    assert extension(signed(ca, (both, False)), crypto.ExtendedKeyUsage).value == both


def test_a_subject_key_identifier_survives(ca):
    own = crypto.SubjectKeyIdentifier(b"12345678")
    assert extension(signed(ca, (own, False)), crypto.SubjectKeyIdentifier).value == own


@pytest.mark.parametrize(
    "value",
    [
        crypto.OCSPNoCheck(),
        crypto.InhibitAnyPolicy(0),
        crypto.UnrecognizedExtension(crypto.ObjectIdentifier("1.2.3.4"), b"\x05\x00"),
    ],
)
def test_an_extension_not_allowed_is_left_out_or_refused_when_critical(ca, value):
    assert value.oid not in {e.oid for e in signed(ca, (value, False)).extensions}
    with pytest.raises(Invalid, match=r"critical extension .* not allowed"):
        signed(ca, (value, True))


def test_an_authority_key_identifier_is_always_ours(ca):
    foreign = crypto.AuthorityKeyIdentifier(b"foreign", None, None)
    certificate = signed(ca, (foreign, False))
    assert extension(certificate, crypto.AuthorityKeyIdentifier).value != foreign


def test_key_usages_not_allowed_are_cleared_or_refused_when_critical(ca):
    asked = key_usage("digital_signature", "key_agreement", "encipher_only", "key_cert_sign")
    left = extension(signed(ca, (asked, False)), crypto.KeyUsage).value
    assert left == key_usage("digital_signature")
    with pytest.raises(Invalid, match="Certificate Sign, Encipher Only, Key Agreement"):
        signed(ca, (asked, True))


def test_key_usages_allowed_stay_critical(ca):
    asked = key_usage("digital_signature", "key_encipherment")
    granted = extension(signed(ca, (asked, True)), crypto.KeyUsage)
    assert (granted.critical, granted.value) == (True, asked)


def test_no_usage_left_means_no_extension(ca):
    certificate = signed(ca, (key_usage("crl_sign"), False))
    assert crypto.KeyUsage.oid not in {e.oid for e in certificate.extensions}


def test_a_ca_request_is_made_none_or_refused_when_critical(ca):
    asked = crypto.BasicConstraints(ca=True, path_length=None)
    assert extension(signed(ca, (asked, False)), crypto.BasicConstraints).value.ca is False
    with pytest.raises(Invalid, match="CA:TRUE"):
        signed(ca, (asked, True))


def test_a_ca_is_signed_where_allowed(ca):
    policy = SigningPolicy(True, POLICY.allowed_extensions, frozenset({"Certificate Sign"}), 1)
    asked = crypto.BasicConstraints(ca=True, path_length=None)
    certificate = signed(ca, (asked, True), (key_usage("key_cert_sign"), True), policy=policy)
    assert extension(certificate, crypto.BasicConstraints).value.ca is True


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fake csr",
        "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
        "\ud800",
    ],
)
def test_a_malformed_request_is_400_and_says_what_would_be_right(ca, text):
    with pytest.raises(Invalid, match="csr must be a certificate signing request in PEM"):
        x509.sign(text, ca, POLICY)


KNOWN_KEY = ec.derive_private_key(7, ec.SECP256R1()).public_key()
SPKI = KNOWN_KEY.public_bytes(
    serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
)
NOBODY = der.name([])
X400_ADDRESS = der.tlv(der.SEQUENCE, der.tlv(0xA3))
TLS_FEATURES = der.tlv(der.SEQUENCE, der.tlv(der.INTEGER, b"\4"))
USAGE = der.extension("2.5.29.15", False, bytes([3, 2, 7, 0x80]))


@pytest.mark.parametrize(
    "text",
    [
        der.request(NOBODY, SPKI, version=1),
        der.request(NOBODY, SPKI, [der.extension("2.5.29.17", False, X400_ADDRESS)]),
        der.request(NOBODY, SPKI, [der.extension("1.3.6.1.5.5.7.1.24", False, TLS_FEATURES)]),
        der.request(NOBODY, SPKI, [USAGE, USAGE]),
        der.request(NOBODY, der.tlv(der.SEQUENCE)),
    ],
    ids=["version", "kind of name", "TLS feature", "extension twice", "key"],
)
def test_what_the_library_does_not_read_is_a_malformed_request(ca, text):
    with pytest.raises(Invalid, match="csr must be a certificate signing request in PEM"):
        x509.sign(der.pem(text), ca, POLICY)


def test_a_request_made_by_hand_is_signed(ca):
    """So that the ones above are refused for what is wrong with them."""
    pem = x509.sign(der.pem(der.request(NOBODY, SPKI, [USAGE])), ca, POLICY)
    assert crypto.load_pem_x509_certificate(pem.encode()).public_key() == KNOWN_KEY


def test_a_certificate_is_no_request(ca):
    with pytest.raises(Invalid, match="must be a certificate signing request"):
        x509.sign(ca.certificate_pem, ca, POLICY)


needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")


def openssl(*arguments, **more) -> str:
    command = ("openssl", *arguments)
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


@needs_openssl
def test_a_request_of_2016_is_signed(ca, tmp_path):
    """RSA-1024 and SHA-1, whose own signature the library calls invalid."""
    subject = "/C=US/ST=California/L=Mountain View/O=Google Inc/CN=www.google.com"
    key_file = str(tmp_path / "key.pem")
    arguments = ("-newkey", "rsa:1024", "-nodes", "-sha1", "-subj", subject, "-keyout", key_file)
    csr = openssl("req", "-new", *arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pem = x509.sign(csr, ca, POLICY)
    certificate = crypto.load_pem_x509_certificate(pem.encode())
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 1024
    assert certificate.subject == crypto.load_pem_x509_csr(csr.encode()).subject


@needs_openssl
@pytest.mark.parametrize("key_type", ["ec", "rsa"])
def test_openssl_accepts_the_chain_at_its_strictest(key_type, tmp_path):
    authority = x509.create_ca("k1", x509.KeyPolicy(key_type))
    client = x509.issue_client(authority, EC)
    server = x509.sign(
        request((crypto.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)),
        authority,
        POLICY,
    )
    files = {"ca": authority.certificate_pem, "client": client.certificate_pem, "server": server}
    for name, pem in files.items():
        (tmp_path / name).write_text(pem)
    for name in ("client", "server"):
        arguments = ("-x509_strict", "-purpose", f"ssl{name}", "-CAfile", "ca", name)
        assert openssl("verify", *arguments, cwd=tmp_path) == f"{name}: OK\n"
