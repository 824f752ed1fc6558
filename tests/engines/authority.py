# SPDX-License-Identifier: Apache-2.0
"""The certificates of a bay, made as the service and its nodes make them."""

import ipaddress
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from magnum.certs.policy import SigningPolicy
from magnum.certs.x509 import Bundle, KeyPolicy, create_ca, issue_client, sign
from magnum.clients.docker.tls import Trust

_POLICY = SigningPolicy(
    allow_ca=False,
    allowed_extensions=frozenset({"extendedKeyUsage", "subjectAltName"}),
    allowed_key_usage=frozenset(),
    validity_days=1,
)


class Authority:
    """A bay's CA and what it has signed."""

    def __init__(self) -> None:
        self.ca: Bundle = create_ca("bay", KeyPolicy())
        self.conductor: Bundle = issue_client(self.ca, KeyPolicy())

    @property
    def trust(self) -> Trust:
        """What the conductor connects with."""
        ours = self.conductor
        return Trust(self.ca.certificate_pem, ours.certificate_pem, ours.private_key_pem)

    def write_server(self, folder: pathlib.Path, *addresses: str) -> None:
        """Write what an engine is started with: ca.crt, server.crt and server.key."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.IPAddress(ipaddress.ip_address(each)) for each in addresses]
        request = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "node")]))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        private = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        signed = sign(request.public_bytes(pem).decode(), self.ca, _POLICY)
        (folder / "ca.crt").write_text(self.ca.certificate_pem)
        (folder / "server.crt").write_text(signed)
        (folder / "server.key").write_bytes(key.private_bytes(pem, *private))
