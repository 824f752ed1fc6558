# SPDX-License-Identifier: Apache-2.0
import re

import pytest

from magnum.certs.passwords import node_password
from magnum.certs.x509 import Bundle, KeyPolicy, create_ca

# A key of this test alone; what it derives must never change, or resumed clusters would break.
KNOWN_KEY = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgM1RUgQXmah7rFQcp
VLHMDNovv/UZf3FfYjxtaEGaAZ6hRANCAARzYyllTigsfw45b/0yUaA/KrXCy45K
KtlpjS6tKnjT/FbpvT5KhA4O0SzsArTM4cbb+vXftCntWJRTOQqjmVuw
-----END PRIVATE KEY-----
"""


@pytest.mark.parametrize("key_type", ["ec", "rsa"])
def test_a_password_is_the_same_on_every_conductor_and_another_for_each_role(key_type):
    ca = create_ca("k1", KeyPolicy(key_type))
    again = Bundle.from_pem(ca.to_pem().encode())
    assert node_password(ca, "master") == node_password(again, "master")
    assert node_password(ca, "master") != node_password(ca, "worker")


def test_another_ca_means_another_password():
    first, second = (create_ca("k1", KeyPolicy()) for _ in range(2))
    assert node_password(first, "master") != node_password(second, "master")


def test_a_password_meets_the_rules_of_many_sites():
    for _ in range(50):
        password = node_password(create_ca("k1", KeyPolicy()), "worker")
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{39}", password)
        for kind in ("[A-Z]", "[a-z]", "[0-9]", "[_-]"):
            assert re.search(kind, password)


def test_the_derivation_never_changes():
    known = Bundle("", KNOWN_KEY)
    assert node_password(known, "master") == "EHieirIe6UMwal6z-TL78_FhM_0ALvqkTC-BmtUL"
    assert node_password(known, "worker") == "yzS7oYGFge0e0AGB_mutipUgpgGNe0hDHw42ah86"
