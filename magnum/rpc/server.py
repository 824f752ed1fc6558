# SPDX-License-Identifier: Apache-2.0
"""The conductor's side of the bus."""

import logging
import threading
from collections.abc import Callable
from typing import Any

import oslo_messaging
from oslo_config import cfg

from magnum.rpc import transport
from magnum.rpc.messages import VERSION, OperationReady

LOG = logging.getLogger(__name__)


class _Endpoint:
    target = oslo_messaging.Target(version=VERSION)

    def __init__(self, on_ready: Callable[[OperationReady], None]) -> None:
        self._on_ready = on_ready

    def operation_ready(self, _context: dict[str, Any], message: Any = None) -> None:
        try:
            ready = OperationReady.from_wire(message)
        except ValueError as error:
            LOG.warning("A message is left alone: %s", error)
        else:
            self._on_ready(ready)


class ConductorServer:
    """Receives wake-ups; without a broker it keeps trying while the conductor works on."""

    def __init__(
        self, conf: cfg.ConfigOpts, name: str, on_ready: Callable[[OperationReady], None]
    ) -> None:
        self._server = oslo_messaging.get_rpc_server(
            transport.open_transport(conf),
            transport.target(conf.conductor.topic, name),
            [_Endpoint(on_ready)],
            executor="threading",
        )

    def start(self) -> None:
        """Begin to listen; returns at once, the broker may be away."""
        threading.Thread(target=self._listen, name="conductor-server", daemon=True).start()

    def _listen(self) -> None:
        # oslo.messaging keeps reconnecting by itself, also during this first connection.
        self._server.start()
        LOG.info("Listening for wake-ups")

    def stop(self) -> None:
        """Stop listening."""
        self._server.stop()
