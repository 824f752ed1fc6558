# SPDX-License-Identifier: Apache-2.0
"""What conductors make of the messages they get."""

from typing import Any

import pytest

from magnum.rpc.messages import OperationReady
from magnum.rpc.server import _Endpoint


def test_message_is_passed_on() -> None:
    told: list[OperationReady] = []
    _Endpoint(told.append).operation_ready({}, message={"operation_id": "x"})
    assert told == [OperationReady("x")]


@pytest.mark.parametrize("message", [None, "x", [], {}, {"id": "x"}, {"operation_id": "x", "a": 1}])
def test_message_that_makes_no_sense_is_left_alone(
    message: Any, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[OperationReady] = []
    _Endpoint(told.append).operation_ready({}, message=message)
    assert told == []
    assert "A message is left alone" in caplog.text
