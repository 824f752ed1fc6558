# SPDX-License-Identifier: Apache-2.0
"""What certificates we make look like and what we sign."""

from oslo_config import cfg

GROUP = "x509"

EXTENSIONS = (
    "authorityKeyIdentifier",
    "subjectKeyIdentifier",
    "authorityInfoAccess",
    "basicConstraints",
    "cRLDistributionPoints",
    "certificatePolicies",
    "extendedKeyUsage",
    "OCSPNoCheck",
    "inhibitAnyPolicy",
    "keyUsage",
    "nameConstraints",
    "subjectAltName",
    "issuerAltName",
)
KEY_USAGES = (
    "Digital Signature",
    "Non Repudiation",
    "Key Encipherment",
    "Data Encipherment",
    "Key Agreement",
    "Certificate Sign",
    "CRL Sign",
    "Encipher Only",
    "Decipher Only",
)

OPTIONS = (
    cfg.BoolOpt("allow_ca", default=False, help="Whether a signed certificate may be a CA."),
    cfg.ListOpt(
        "allowed_extensions",
        default=[
            "keyUsage",
            "extendedKeyUsage",
            "subjectAltName",
            "basicConstraints",
            "subjectKeyIdentifier",
        ],
        item_type=cfg.types.String(choices=EXTENSIONS),
        help="Extensions of a signing request that are taken over.  A critical one that is not "
        "listed is refused, any other is left out.",
    ),
    cfg.ListOpt(
        "allowed_key_usage",
        default=["Digital Signature", "Key Encipherment", "Non Repudiation"],
        item_type=cfg.types.String(choices=KEY_USAGES),
        help="Key usages of a signing request that are taken over.",
    ),
    cfg.IntOpt(
        "term_of_validity",
        default=365 * 5,
        min=1,
        max=36500,
        help="Days for which certificates are valid, those we make and those we sign.",
    ),
    cfg.StrOpt(
        "key_type",
        default="ec",
        choices=[("ec", "P-256"), ("rsa", "of rsa_key_size bits")],
        help="Kind of the keys we make for a cluster's CA and for the conductor.",
    ),
    cfg.IntOpt("rsa_key_size", default=2048, min=2048, max=8192, help="Bits of RSA keys we make."),
)
