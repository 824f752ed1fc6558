# SPDX-License-Identifier: Apache-2.0
"""What is a network, and what is only a name of one."""

import pytest

from magnum.core import idents


@pytest.mark.parametrize("text", ["192.0.2.0/24", "10.0.0.0/8", "0.0.0.0/0", "192.0.2.1/32"])
def test_network_in_cidr_notation_is_one(text: str) -> None:
    assert idents.is_cidr(text)


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.0",
        "10.0.0.1/24",
        "10.0.0.0/0.0.0.255",
        "10.0.0.0/255.255.255.0",
        "0.0.0.0/0.0.0.0",
        "10.0.0.0/024",
        "10.0.0.0/33",
        "10.0.0.0/",
        "2001:db8::/32",
        "a/b",
        "",
    ],
)
def test_what_is_written_otherwise_is_none(text: str) -> None:
    assert not idents.is_cidr(text)
