# SPDX-License-Identifier: Apache-2.0
"""The wire between API and conductors of different releases."""

import dataclasses
import json

import pytest

from magnum.rpc import messages
from magnum.rpc.messages import OperationReady

FINGERPRINTS = {
    "OperationReady": ("1.1", {"operation_id": "str"}),
    "EnginesCall": ("1.1", {"cluster_id": "str", "seconds": "float"}),
    "ContainerCall": (
        "1.1",
        {"container_id": "str", "seconds": "float", "command": "str | None"},
    ),
    "StatusesCall": ("1.1", {"places": "list", "seconds": "float"}),
    "Answer": ("1.1", {"result": "Any", "code": "int", "detail": "str"}),
}
"""Fields of each message and the version that has them.  A change of a message comes with a new
version: of the minor number for an optional field, of the major one for everything else."""


def test_no_message_changes_under_its_version() -> None:
    found = {}
    for name, message in vars(messages).items():
        if dataclasses.is_dataclass(message) and message.__module__ == messages.__name__:
            fields = {
                field.name: getattr(field.type, "__name__", str(field.type))
                for field in dataclasses.fields(message)
            }
            found[name] = (messages.VERSION, fields)
    assert found == FINGERPRINTS


def test_message_survives_the_wire() -> None:
    message = OperationReady("0e3a4d38")
    assert OperationReady.from_wire(json.loads(json.dumps(message.to_wire()))) == message


@pytest.mark.parametrize("payload", [{}, {"operation_id": "x", "more": 1}, {"other": "x"}])
def test_message_of_another_shape_is_refused_by_name(payload: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="operation_id"):
        OperationReady.from_wire(payload)
