# SPDX-License-Identifier: Apache-2.0
"""Telling uuids and networks from names, wherever either may stand."""

import ipaddress
import uuid


def is_uuid(text: str) -> bool:
    """Tell whether ``text`` is a uuid in canonical lower-case form; anything else is a name."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def is_cidr(text: str) -> bool:
    """Tell whether ``text`` is an IPv4 network in CIDR notation, such as 192.0.2.0/24."""
    if "/" not in text:
        return False
    try:
        ipaddress.IPv4Network(text)
    except ValueError:
        return False
    return True
