# SPDX-License-Identifier: Apache-2.0
"""Who has broken into a node: its user in Keystone, and all it asks for."""

import ipaddress
import json
from collections.abc import Iterator, Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AttributeOID, ExtendedKeyUsageOID, NameOID

from deployment.cloud import Cloud
from deployment.sessions import Refused, Reply, Session, send


class NodeUser:
    """The user of some node, logged in by what lies on the node.

    :param known: the variables of the node.
    :param endpoints: where services are, which its own token does not tell.
    :ivar addresses: the node's.
    :raises deployment.sessions.Refused: it cannot log in.
    """

    def __init__(
        self, cloud: Cloud, known: Mapping[str, str], endpoints: Mapping[str, str]
    ) -> None:
        who = {"id": known["NODE_USER_ID"], "password": known["NODE_PASSWORD"]}
        self._auth_url = cloud.auth_url
        self._identity = {"methods": ["password"], "password": {"user": who}}
        self._token = Session(cloud.auth_url, self._identity).token
        self._endpoints = endpoints
        self._port = known["NODE_PORT_ID"]
        self.addresses = {known["NODE_IP"], known["NODE_PUBLIC_IP"]} - {""}

    def may_work_in(self, project: str) -> bool:
        """Tell whether it gets a token for a project."""
        try:
            Session(self._auth_url, self._identity, {"project": {"id": project}})
        except Refused:
            return False
        return True

    def ask(self, method: str, service: str, path: str, body: Any = None) -> Reply:
        """Send a request to a service and return whatever it answers."""
        url = self._endpoints[service] + path
        return send(method, url, body, {"X-Auth-Token": self._token})

    def sign(self, bay: str, *addresses: str, **other: Any) -> Reply:
        """Ask for a certificate of a bay's authority; as the node does where nothing else is said.

        :param other: what else the request says, as :func:`request` takes it.
        """
        body = {"bay_uuid": bay, "csr": request(*addresses, **{"port": self._port, **other})}
        return self.ask("POST", "container-infra", "/certificates", body)


def request(
    *addresses: str,
    port: str | None,
    name: str = "swarm.invalid",
    organization: str = "",
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
) -> str:
    """Make a request for a certificate, of the node with that port; None names none."""
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if organization:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    names = [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name(parts))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    )
    if port is not None:
        builder = builder.add_attribute(AttributeOID.CHALLENGE_PASSWORD, port.encode())
    made = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


def secrets(known: Mapping[str, str]) -> Iterator[str]:
    """Return the secrets among the variables of a node."""
    yield known["NODE_PASSWORD"]
    if known["JOIN_TOKEN"]:
        yield known["JOIN_TOKEN"]
    for signal in ("HEAT_SIGNAL", "TOKEN_SIGNAL"):
        if known[signal]:
            yield json.loads(known[signal])["password"]
