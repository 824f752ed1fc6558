# SPDX-License-Identifier: Apache-2.0
"""Which attributes a patch may name, whatever it wants of them."""

from typing import Any

import pytest

from magnum.api import patch
from magnum.api.vocabulary import BAY, BAYMODEL, Vocabulary
from magnum.core import errors

INTERNAL = "created_at id links updated_at uuid project_id user_id"
INTERNAL_OF_BAYS = (
    "api_address node_addresses master_addresses stack_id ca_cert_ref magnum_cert_ref trust_id "
    "trustee_user_name trustee_username trustee_password trustee_user_id"
)
MANDATORY_OF_BAYMODELS = (
    "image_id keypair_id external_network_id coe tls_disabled public registry_enabled server_type "
    "cluster_distro network_driver"
)


def named(vocabulary: Vocabulary, names: str) -> list[Any]:
    return [
        pytest.param(vocabulary, name, id=f"{vocabulary.noun}-{name}") for name in names.split()
    ]


@pytest.mark.parametrize("op", ["add", "replace", "remove"])
@pytest.mark.parametrize(
    ("vocabulary", "name"),
    [
        *named(BAY, f"{INTERNAL} {INTERNAL_OF_BAYS}"),
        *named(BAYMODEL, INTERNAL),
    ],
)
def test_what_the_service_sets_cannot_be_patched(
    vocabulary: Vocabulary, name: str, op: str
) -> None:
    with pytest.raises(errors.Invalid, match=f"^/{name} is set by the service"):
        patch.parse(vocabulary, [{"op": op, "path": f"/{name}", "value": "x"}])


@pytest.mark.parametrize(
    ("vocabulary", "name"),
    [*named(BAY, "baymodel_id"), *named(BAYMODEL, MANDATORY_OF_BAYMODELS)],
)
def test_what_is_mandatory_cannot_be_removed(vocabulary: Vocabulary, name: str) -> None:
    with pytest.raises(errors.Invalid, match=f"^/{name} is mandatory"):
        patch.parse(vocabulary, [{"op": "remove", "path": f"/{name}"}])


@pytest.mark.parametrize(
    ("value", "shown"), [(False, "false"), (0, "0"), ("", "''"), (None, "null")]
)
@pytest.mark.parametrize("op", ["add", "replace"])
def test_value_that_counts_as_false_is_refused(op: str, value: object, shown: str) -> None:
    with pytest.raises(errors.InvalidField, match=f"^The value for /name is {shown} but must"):
        patch.parse(BAYMODEL, [{"op": op, "path": "/name", "value": value}])


@pytest.mark.parametrize(
    ("value", "kind"), [(1.5, "a number"), (["hunter2"], "a list"), ({"a": "hunter2"}, "an object")]
)
def test_value_that_is_no_text_and_no_integer_is_refused(value: object, kind: str) -> None:
    words = f"^The value for /labels/k is {kind} but must be a text or an integer"
    with pytest.raises(errors.InvalidField, match=words):
        patch.parse(BAYMODEL, [{"op": "add", "path": "/labels/k", "value": value}])


@pytest.mark.parametrize("body", [{}, "x", None, 1, [1], [None], [[]], [{"op": "add"}]])
def test_what_is_no_patch_is_refused(body: object) -> None:
    with pytest.raises(errors.Invalid):
        patch.parse(BAY, body)
