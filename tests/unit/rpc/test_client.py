# SPDX-License-Identifier: Apache-2.0
"""Waking conductors up: whatever becomes of one message, the next one is sent."""

import pytest
from oslo_config import cfg

from magnum.rpc.client import ConductorClient
from magnum.rpc.messages import OperationReady
from tests.fakes.rpc import FakeRpc


def test_message_that_fails_takes_no_other_with_it(
    conf: cfg.ConfigOpts, monkeypatch: pytest.MonkeyPatch
) -> None:
    rpc = FakeRpc(OSError("no error of the library's own"))
    monkeypatch.setattr("oslo_messaging.get_rpc_client", lambda *_, **_options: rpc)
    client = ConductorClient(conf)
    for operation_id in ("lost", "sent"):
        client.wake(OperationReady(operation_id))
    assert rpc.cast_of.get(timeout=10) == "sent"
