# SPDX-License-Identifier: Apache-2.0
"""Waking conductors up: whatever becomes of one message, the next one is sent."""

import queue
from typing import Any

import pytest
from oslo_config import cfg

from magnum.rpc.client import ConductorClient
from magnum.rpc.messages import OperationReady


class FakeRpc:
    """An oslo.messaging client that fails as it is told to."""

    def __init__(self, *failures: Exception) -> None:
        self.cast_of: queue.Queue[str] = queue.Queue()
        self._failures = list(failures)

    def prepare(self, **_options: Any) -> "FakeRpc":
        return self

    def cast(self, _context: Any, _method: str, message: dict[str, str]) -> None:
        if self._failures:
            raise self._failures.pop(0)
        self.cast_of.put(message["operation_id"])


def test_message_that_fails_takes_no_other_with_it(
    conf: cfg.ConfigOpts, monkeypatch: pytest.MonkeyPatch
) -> None:
    rpc = FakeRpc(OSError("no error of the library's own"))
    monkeypatch.setattr("oslo_messaging.get_rpc_client", lambda *_, **_options: rpc)
    client = ConductorClient(conf)
    for operation_id in ("lost", "sent"):
        client.wake(OperationReady(operation_id))
    assert rpc.cast_of.get(timeout=10) == "sent"
