# SPDX-License-Identifier: Apache-2.0
"""The passwords of node users, derived instead of stored.

Used by the conductor's identity and stack steps.
"""

import base64
from itertools import count

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from magnum.certs.x509 import Bundle, PrivateKey
from magnum.core.cluster import Role

_BYTES = 30  # 40 characters of base64


def node_password(ca: Bundle, role: Role) -> str:
    """Return the password of a cluster's node user of one role: 40 URL-safe characters.

    Derived with HKDF-SHA256 from the private key of the cluster's CA.  So a conductor that
    resumes the work of a dead one gives Keystone and the nodes the same password as before,
    nothing has to be stored or rolled back, and whoever may read the key could sign himself a
    node's certificate anyway.  The derivation goes one way: a node learns nothing about the key.

    It starts with a letter or digit and has an upper case letter, a lower case letter, a digit
    and a ``-`` or ``_``, as the password rules of many sites want.  Rotating the CA changes it:
    the users' passwords have to be set anew then.

    Source: RFC 5869.
    """
    secret = _secret(ca.private_key())
    for attempt in count():
        purpose = f"magnum node password 1 {role} {attempt}".encode()
        derived = HKDF(hashes.SHA256(), length=_BYTES, salt=None, info=purpose).derive(secret)
        password = base64.urlsafe_b64encode(derived).decode()
        if _is_acceptable(password):
            return password
    raise AssertionError("unreachable: count() does not end")


def _secret(key: PrivateKey) -> bytes:
    """Return the secret number itself, the same however a library encodes the key."""
    if isinstance(key, rsa.RSAPrivateKey):
        number = key.private_numbers().d
    else:
        number = key.private_numbers().private_value
    return number.to_bytes((number.bit_length() + 7) // 8)


def _is_acceptable(password: str) -> bool:
    kinds = (str.isupper, str.islower, str.isdigit, lambda character: character in "-_")
    return password[0].isalnum() and all(any(map(kind, password)) for kind in kinds)
