# SPDX-License-Identifier: Apache-2.0
"""Make a cluster's CA and our client certificate, and sign what users and nodes ask for.

Pure cryptography: no store, no network, no configuration.  Called by the conductor's
certificate step (making) and the certificates service (signing).
"""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from magnum.certs.policy import SigningPolicy, extensions_granted, key_usage
from magnum.core.errors import Invalid, first_sentence

KeyType = Literal["ec", "rsa"]
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_LONGEST_COMMON_NAME = 64  # bytes of UTF-8; RFC 5280, ub-common-name
_CLOCK_SKEW = timedelta(days=1)
_END = "-----END CERTIFICATE-----\n"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A certificate and its private key, both PEM text, the key as plain PKCS#8."""

    certificate_pem: str
    private_key_pem: str = field(repr=False)

    def to_pem(self) -> str:
        """Return both in one text, certificate first."""
        return self.certificate_pem + self.private_key_pem

    @classmethod
    def from_pem(cls, text: str | bytes) -> "Bundle":
        """Read what :meth:`to_pem` wrote; stores give it back as text or bytes.

        :raises ValueError: it is something else.
        """
        text = text.decode() if isinstance(text, bytes) else text
        certificate, end, key = text.partition(_END)
        if not end or "PRIVATE KEY-----" not in key:
            raise ValueError("neither a certificate nor a key behind it")
        return cls(
            certificate + end, key.rstrip() + "\n"
        )  # Barbican leaves the last line's end out

    def certificate(self) -> x509.Certificate:
        """Return the certificate parsed."""
        return x509.load_pem_x509_certificate(self.certificate_pem.encode())

    def private_key(self) -> PrivateKey:
        """Return the key parsed."""
        key = serialization.load_pem_private_key(self.private_key_pem.encode(), password=None)
        if not isinstance(key, PrivateKey):
            raise ValueError(f"cannot sign with a {type(key).__name__}")
        return key


@dataclass(frozen=True, slots=True)
class KeyPolicy:
    """What keys we make and for how long; ``[x509] key_type, rsa_key_size, term_of_validity``."""

    key_type: KeyType = "ec"
    rsa_key_size: int = 2048
    validity_days: int = 365 * 5

    def new_key(self) -> PrivateKey:
        """Make a key: P-256, or RSA with exponent 65537."""
        if self.key_type == "rsa":
            return rsa.generate_private_key(public_exponent=65537, key_size=self.rsa_key_size)
        return ec.generate_private_key(ec.SECP256R1())


def create_ca(name: str, keys: KeyPolicy) -> Bundle:
    """Make a self-signed CA that may sign end entities only.

    :param name: of the cluster; its subject's common name, see :func:`common_name`.
    """
    key = keys.new_key()
    subject = _name(name)
    builder = _builder(subject, subject, key.public_key(), keys.validity_days)
    builder = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage("key_cert_sign"), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return _bundle(builder.sign(key, hashes.SHA256()), key)


def issue_client(ca: Bundle, keys: KeyPolicy, name: str = "Magnum-Conductor") -> Bundle:
    """Make a key and a certificate for a client, by default this service's own."""
    key = keys.new_key()
    issuer = ca.certificate()
    builder = _builder(_name(name), issuer.subject, key.public_key(), keys.validity_days)
    usage = key_usage("digital_signature", "key_encipherment")
    client_only = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    builder = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(client_only, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_authority(issuer), critical=False)
    )
    return _bundle(builder.sign(ca.private_key(), hashes.SHA256()), key)


def parse_request(csr_pem: str) -> x509.CertificateSigningRequest:
    """Read a signing request.

    Its own signature is not checked: SHA-1 ones of the old suites are good for openssl and
    unsupported here, and signing proves nothing that the caller's token does not.

    :raises Invalid: it is not one; HTTP 400.
    """
    try:
        csr = x509.load_pem_x509_csr(csr_pem.encode())
        csr.public_key()
        list(csr.subject)
        list(csr.extensions)
    except Exception as error:  # noqa: BLE001  # all sorts, a KeyError for a TLS feature it lacks
        why = first_sentence(str(error), 200) or type(error).__name__
        raise Invalid(
            "csr must be a certificate signing request in PEM, as openssl req -new writes it: "
            f"{why}."
        ) from None
    return csr


def sign(csr_pem: str, ca: Bundle, policy: SigningPolicy) -> str:
    """Sign a request; subject, public key and names are taken over as they are.

    :returns: one certificate, PEM.
    :raises Invalid: it is malformed, or what it marks critical is not allowed; HTTP 400.
    """
    csr = parse_request(csr_pem)
    issuer = ca.certificate()
    granted = extensions_granted(csr.extensions, policy)
    present = {value.oid for value, _ in granted}
    try:
        builder = _builder(csr.subject, issuer.subject, csr.public_key(), policy.validity_days)
        for value, critical in granted:
            builder = builder.add_extension(value, critical)
        if x509.SubjectKeyIdentifier.oid not in present:
            own = x509.SubjectKeyIdentifier.from_public_key(csr.public_key())
            builder = builder.add_extension(own, critical=False)
        builder = builder.add_extension(_authority(issuer), critical=False)
        certificate = builder.sign(ca.private_key(), hashes.SHA256())
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        why = first_sentence(str(error), 200)
        raise Invalid(f"csr asks for what no certificate can hold: {why}.") from None
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def common_name(name: str) -> str:
    """Return ``name`` fit for a subject: at most 64 bytes, always shortened in the same way.

    What is cut off is replaced by 12 digits of a hash, so that long names stay distinct.
    """
    if len(name.encode()) <= _LONGEST_COMMON_NAME:
        return name
    tail = "-" + hashlib.sha256(name.encode()).hexdigest()[:12]
    head = name.encode()[: _LONGEST_COMMON_NAME - len(tail)].decode(errors="ignore")
    return head + tail


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name(name))])


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: CertificatePublicKeyTypes, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + timedelta(days=days))
    )


def _authority(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """Point to the issuer's key; without it Python's and Go's strict checks refuse a chain."""
    try:
        known = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(
            issuer.public_key()  # type: ignore[arg-type]  # we make only EC and RSA ones
        )
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(known)


def _bundle(certificate: x509.Certificate, key: PrivateKey) -> Bundle:
    return Bundle(
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
    )
