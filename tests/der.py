# SPDX-License-Identifier: Apache-2.0
"""Signing requests put together by hand, because no library makes wrong ones.

Just enough of DER; nothing here checks anything.  The signatures are none: nobody looks at them.
"""

import base64
from collections.abc import Iterable, Sequence

SEQUENCE, SET, INTEGER, BIT_STRING, OCTET_STRING, OID = 0x30, 0x31, 0x02, 0x03, 0x04, 0x06
BOOLEAN, NULL, ATTRIBUTES = 0x01, 0x05, 0xA0
EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
CHALLENGE_PASSWORD = "1.2.840.113549.1.9.7"
ECDSA_SHA256 = "1.2.840.10045.4.3.2"


def tlv(tag: int, *parts: bytes) -> bytes:
    """Return a tag, the length of what follows, and that."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(digits)]) + digits + content


def oid(dotted: str) -> bytes:
    """Return an object identifier."""
    first, second, *others = map(int, dotted.split("."))
    encoded = b""
    for number in (40 * first + second, *others):
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.insert(0, number & 0x7F | 0x80)
        encoded += bytes(groups)
    return tlv(OID, encoded)


def name(relative: Iterable[Sequence[tuple[str, int, bytes]]]) -> bytes:
    """Return a name: of each relative one the (type, tag of its string, value) of all parts."""
    return tlv(
        SEQUENCE,
        *(
            tlv(SET, *(tlv(SEQUENCE, oid(kind), tlv(tag, value)) for kind, tag, value in parts))
            for parts in relative
        ),
    )


def extension(kind: str, critical: bool, value: bytes) -> bytes:
    """Return an extension with whatever value."""
    flag = tlv(BOOLEAN, b"\xff") if critical else b""
    return tlv(SEQUENCE, oid(kind), flag, tlv(OCTET_STRING, value))


def attribute(kind: str, *values: bytes) -> bytes:
    """Return an attribute with whatever values, of which there should be one."""
    return tlv(SEQUENCE, oid(kind), tlv(SET, *values))


def request(
    subject: bytes,
    public_key: bytes,
    extensions: Sequence[bytes] = (),
    version: int = 0,
    attributes: Sequence[bytes] = (),
) -> bytes:
    """Return a signing request.

    :param public_key: a SubjectPublicKeyInfo.
    :param attributes: besides the one that the extensions are.
    """
    asked = [attribute(EXTENSION_REQUEST, tlv(SEQUENCE, *extensions))] if extensions else []
    others = tlv(ATTRIBUTES, *asked, *attributes)
    body = tlv(SEQUENCE, tlv(INTEGER, bytes([version])), subject, public_key, others)
    algorithm = tlv(SEQUENCE, oid(ECDSA_SHA256))
    return tlv(SEQUENCE, body, algorithm, tlv(BIT_STRING, b"\0", tlv(SEQUENCE)))


def pem(der: bytes, label: str = "CERTIFICATE REQUEST", newline: str = "\n") -> str:
    """Return it as text."""
    text = base64.b64encode(der).decode()
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return newline.join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])
