# SPDX-License-Identifier: Apache-2.0
"""What a signing request may ask for: the site's rules for everyone, and the rule for nodes.

Pure.  The options of ``[x509]`` become a :class:`SigningPolicy`; a driver says what its nodes may
have.
"""

import ipaddress
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

from cryptography import x509
from cryptography.x509.oid import (
    AttributeOID,
    ExtendedKeyUsageOID,
    ExtensionOID,
    NameOID,
    ObjectIdentifier,
)
from oslo_config import cfg

from magnum.core.errors import Forbidden, Invalid, first_sentence

_EXTENSIONS = {
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER: "authorityKeyIdentifier",
    ExtensionOID.SUBJECT_KEY_IDENTIFIER: "subjectKeyIdentifier",
    ExtensionOID.AUTHORITY_INFORMATION_ACCESS: "authorityInfoAccess",
    ExtensionOID.BASIC_CONSTRAINTS: "basicConstraints",
    ExtensionOID.CRL_DISTRIBUTION_POINTS: "cRLDistributionPoints",
    ExtensionOID.CERTIFICATE_POLICIES: "certificatePolicies",
    ExtensionOID.EXTENDED_KEY_USAGE: "extendedKeyUsage",
    ExtensionOID.OCSP_NO_CHECK: "OCSPNoCheck",
    ExtensionOID.INHIBIT_ANY_POLICY: "inhibitAnyPolicy",
    ExtensionOID.KEY_USAGE: "keyUsage",
    ExtensionOID.NAME_CONSTRAINTS: "nameConstraints",
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME: "subjectAltName",
    ExtensionOID.ISSUER_ALTERNATIVE_NAME: "issuerAltName",
}
_USAGES = {
    "digital_signature": "Digital Signature",
    "content_commitment": "Non Repudiation",
    "key_encipherment": "Key Encipherment",
    "data_encipherment": "Data Encipherment",
    "key_agreement": "Key Agreement",
    "key_cert_sign": "Certificate Sign",
    "crl_sign": "CRL Sign",
    "encipher_only": "Encipher Only",
    "decipher_only": "Decipher Only",
}
_CA_USAGES = frozenset({"Certificate Sign", "CRL Sign"})
_EXTENDED_USAGES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth",
    ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth",
}
_NODE_EXTENSIONS = frozenset(
    {"basicConstraints", "extendedKeyUsage", "keyUsage", "subjectAltName", "subjectKeyIdentifier"}
)
_NODE_USAGES = frozenset({"Digital Signature", "Key Encipherment", "Key Agreement"})

Granted = tuple[x509.ExtensionType, bool]
"""An extension and whether it is critical."""


@dataclass(frozen=True, slots=True)
class SigningPolicy:
    """What of a request is taken over, in the words of ``[x509]``.

    :ivar validity_days: for which the certificate is valid.
    """

    allow_ca: bool
    allowed_extensions: frozenset[str]
    allowed_key_usage: frozenset[str]
    validity_days: int

    @classmethod
    def from_conf(cls, conf: cfg.ConfigOpts) -> "SigningPolicy":
        """Read the options; without ``allow_ca`` the usages of a CA are never allowed."""
        group = conf.x509
        usages = frozenset(group.allowed_key_usage)
        return cls(
            allow_ca=group.allow_ca,
            allowed_extensions=frozenset(group.allowed_extensions),
            allowed_key_usage=usages if group.allow_ca else usages - _CA_USAGES,
            validity_days=group.term_of_validity,
        )


class NodeRule(Protocol):
    """What a driver lets the nodes of one role have signed.

    :ivar extended_key_usages: in the words of RFC 5280, such as ``serverAuth``.
    """

    @property
    def common_names(self) -> Collection[str]: ...
    @property
    def organizations(self) -> Collection[str]: ...
    @property
    def extended_key_usages(self) -> Collection[str]: ...


def key_usage(*wanted: str) -> x509.KeyUsage:
    """Return the extension with just these usages, by the names of its arguments."""
    return x509.KeyUsage(**{usage: usage in wanted for usage in _USAGES})


def extensions_granted(asked: x509.Extensions, policy: SigningPolicy) -> list[Granted]:
    """Return what of the extensions asked for goes into the certificate.

    What is not allowed is left out, unless it is marked critical.

    :raises Invalid: something critical is not allowed; HTTP 400.
    """
    return [granted for extension in asked for granted in _granted(extension, policy)]


def challenge_password(csr: x509.CertificateSigningRequest) -> str | None:
    """Return by what a request says whose it is, if by anything.

    Source: RFC 2985, 5.4.1.
    """
    try:
        return csr.attributes.get_attribute_for_oid(AttributeOID.CHALLENGE_PASSWORD).value.decode()
    except (x509.AttributeNotFound, ValueError):  # the latter also of other attributes
        return None


def check_node_request(
    csr: x509.CertificateSigningRequest, rule: NodeRule, allowed_addresses: Collection[str]
) -> None:
    """Refuse a request that goes beyond what a node of a role may be.

    :param allowed_addresses: the node's own, as text.
    :raises Forbidden: it does; the message names what; HTTP 403.
    """
    _check_subject(csr.subject, rule)
    for extension in csr.extensions:
        name = _name(extension.oid)
        if name not in _NODE_EXTENSIONS:
            raise _forbidden(f"the extension {name}")
    values = {type(extension.value): extension.value for extension in csr.extensions}
    _check_purposes(values.get(x509.ExtendedKeyUsage), rule)
    _check_no_ca(values.get(x509.BasicConstraints), values.get(x509.KeyUsage))
    _check_alternative_names(values.get(x509.SubjectAlternativeName), allowed_addresses)


def _granted(extension: x509.Extension[x509.ExtensionType], policy: SigningPolicy) -> list[Granted]:
    """Return the one extension that is granted for the one asked for, or none."""
    name, value, critical = _name(extension.oid), extension.value, extension.critical
    if isinstance(value, x509.AuthorityKeyIdentifier):
        return []  # ours follows, whatever was asked for
    if name not in policy.allowed_extensions or isinstance(value, x509.UnrecognizedExtension):
        if critical:
            raise Invalid(f"csr has the critical extension {name} which is not allowed here.")
        return []
    if isinstance(value, x509.KeyUsage):
        return _granted_usages(value, critical, policy)
    if isinstance(value, x509.BasicConstraints) and value.ca and not policy.allow_ca:
        if critical:
            raise Invalid("csr asks for a CA certificate (CA:TRUE) which is not allowed here.")
        return [(x509.BasicConstraints(ca=False, path_length=None), critical)]
    return [(value, critical)]


def _granted_usages(asked: x509.KeyUsage, critical: bool, policy: SigningPolicy) -> list[Granted]:
    wanted = _usages(asked)
    denied = wanted - policy.allowed_key_usage
    if denied and critical:
        raise Invalid(
            f"csr asks for the key usage {', '.join(sorted(denied))} which is not allowed here."
        )
    left = [argument for argument, usage in _USAGES.items() if usage in wanted - denied]
    if set(left) <= {"encipher_only", "decipher_only"}:
        return []  # an extension that allows nothing would forbid everything
    if "key_agreement" not in left:  # the two mean something only beside it
        left = [argument for argument in left if not argument.endswith("cipher_only")]
    return [(key_usage(*left), critical)]


def _usages(value: x509.KeyUsage) -> frozenset[str]:
    only = ("encipher_only", "decipher_only")  # reading these needs key agreement
    return frozenset(
        usage
        for argument, usage in _USAGES.items()
        if (argument not in only or value.key_agreement) and getattr(value, argument)
    )


def _check_subject(subject: x509.Name, rule: NodeRule) -> None:
    names = [part.value for part in subject if part.oid == NameOID.COMMON_NAME]
    if len(names) != 1 or names[0] not in rule.common_names:
        allowed = " or ".join(rule.common_names)
        raise _forbidden(f"the common name {_shown(names)}, only {allowed} is allowed")
    for part in subject:
        if part.oid == NameOID.ORGANIZATION_NAME:
            if part.value not in rule.organizations:
                raise _forbidden(f"the organization {_shown([part.value])}")
        elif part.oid != NameOID.COMMON_NAME:
            raise _forbidden(f"{part.rfc4514_attribute_name} in its subject")


def _check_purposes(value: x509.ExtensionType | None, rule: NodeRule) -> None:
    if not isinstance(value, x509.ExtendedKeyUsage):
        raise _forbidden("no extendedKeyUsage, which would be good for everything")
    for oid in value:
        usage = _EXTENDED_USAGES.get(oid, oid.dotted_string)
        if usage not in rule.extended_key_usages:
            raise _forbidden(f"the extended key usage {usage}")


def _check_no_ca(constraints: x509.ExtensionType | None, usages: x509.ExtensionType | None) -> None:
    if isinstance(constraints, x509.BasicConstraints) and constraints.ca:
        raise _forbidden("to be a CA")
    if isinstance(usages, x509.KeyUsage):
        for usage in sorted(_usages(usages) - _NODE_USAGES):
            raise _forbidden(f"the key usage {usage}")


def _check_alternative_names(
    value: x509.ExtensionType | None, allowed_addresses: Collection[str]
) -> None:
    if not isinstance(value, x509.SubjectAlternativeName):
        return
    allowed = {ipaddress.ip_address(address) for address in allowed_addresses}
    for name in value:
        if not isinstance(name, x509.IPAddress):
            raise _forbidden(f"the alternative name {_shown([str(name.value)])}")
        if name.value not in allowed and not _is_loopback(name.value):
            raise _forbidden(f"the address {name.value}, which is not its own")


def _is_loopback(value: object) -> bool:
    return isinstance(value, ipaddress.IPv4Address | ipaddress.IPv6Address) and value.is_loopback


def _name(oid: ObjectIdentifier) -> str:
    return _EXTENSIONS.get(oid, oid.dotted_string)


def _shown(values: Iterable[str | bytes]) -> str:
    return first_sentence(" and ".join(repr(value) for value in values), 160) or "(none)"


def _forbidden(what: str) -> Forbidden:
    return Forbidden(f"A node of this cluster may not have a certificate with {what}.")
