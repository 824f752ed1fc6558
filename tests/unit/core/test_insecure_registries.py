# SPDX-License-Identifier: Apache-2.0
"""Names of registries as engines take them; those of 20.10 were asked."""

import pytest

from magnum.core.insecure_registries import is_insecure_registry


@pytest.mark.parametrize(
    "text",
    [
        "registry",
        "registry.test",
        "Registry.Test:5000",
        "my-registry.test:5000",
        "a--b:5000",
        "registry.test:0",
        "registry.test:65535",
        "registry.test:05000",
        "192.0.2.1",
        "192.0.2.1:5000",
        "192.0.2.1:",
        "999.1.1.1",
        "192.0.2.0/24",
        "192.0.2.1/24",
        "192.0.2.0/024",
        "0.0.0.0/0",
        "2001:db8::/32",
        "2001:db8::1",
        "[2001:db8::1]",
        "[2001:db8::1]:5000",
        "http://registry.test:5000",
        "HTTPS://registry.test",
        "http://192.0.2.0/24",
    ],
)
def test_what_an_engine_takes_is_taken(text: str) -> None:
    assert is_insecure_registry(text)


@pytest.mark.parametrize(
    "text",
    [
        "registry.test:99999",
        "registry.test:65536",
        "registry.test:" + "9" * 255,
        "registry.test:",
        "registry.test:http",
        "registry.test:-1",
        "registry.test/",
        "registry.test/team",
        "a.test:5000,b.test:5000",
        "a.test b.test",
        "registry.test:5000 ",
        "my_registry:5000",
        "-registry",
        "registry-",
        "registry.",
        ".registry",
        "a..b",
        "*.test",
        "r\u00e9gistry",
        "192.0.2.0/33",
        "192.0.2.0/255.255.255.0",
        "192.0.2.0/24/8",
        "999.1.1.1/8",
        "2001:db8::/129",
        "[2001:db8::1]:99999",
        "[registry]:5000",
        "fe80::1%eth0",
        "ftp://registry.test",
        "https://http://registry.test",
        "http://",
        "http://registry.test:99999",
        "",
    ],
)
def test_what_no_engine_takes_is_not(text: str) -> None:
    assert not is_insecure_registry(text)
