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
    """Tell whether ``text`` is an IPv4 network in CIDR notation, such as 192.0.2.0/24.

    A mask after the slash, of either kind, is another notation, and one that Python guesses at:
    0.0.0.0 would be the whole of IPv4.
    """
    try:
        return str(ipaddress.IPv4Network(text)) == text
    except ValueError:
        return False
