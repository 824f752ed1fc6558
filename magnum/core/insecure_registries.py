# SPDX-License-Identifier: Apache-2.0
"""What an engine takes for the name of a registry that is used without TLS.

An engine of a bay that was given anything else does not start.  Nothing is refused that some
release of Docker takes: they differ in IPv6 addresses in brackets.

Source: ``loadInsecureRegistries`` and ``validateHostPort`` of Docker, and the grammar of domains
of its references; tried with Docker 20.10.
"""

import ipaddress
import re

RULE = (
    "be one registry's host or host:port, or a network in CIDR notation, such as "
    "registry.example.com:5000 or 192.0.2.0/24"
)
"""What a right value is, to follow the word "must"."""

_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_WITH_PORT = re.compile(r"(?:\[(?P<inner>[^]]*)\]|(?P<host>[^:\[\]]*)):(?P<port>[0-9]{0,255})")
_SCHEME = re.compile("https?://", re.IGNORECASE)


def is_insecure_registry(text: str) -> bool:
    """Tell whether an engine takes ``text``; a scheme before it is dropped by the engine."""
    place = text[match.end() :] if (match := _SCHEME.match(text)) else text
    if _is_network(place):
        return True
    host, port = place, ""
    if found := _WITH_PORT.fullmatch(place):
        host, port = found["inner"] or found["host"] or "", found["port"]
    return int(port or 0) <= 65535 and bool(_DOMAIN.fullmatch(place) or _is_address(host))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text  # a scope is of one machine


def _is_network(text: str) -> bool:
    address, _, length = text.partition("/")
    if not re.fullmatch("[0-9]{1,3}", length) or not _is_address(address):
        return False
    return int(length) <= ipaddress.ip_address(address).max_prefixlen
