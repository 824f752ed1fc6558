# SPDX-License-Identifier: Apache-2.0
"""The API's side of the bus: waking a conductor up."""

import logging
import queue
import threading

import oslo_messaging
from oslo_config import cfg

from magnum.metrics import instruments
from magnum.rpc import transport
from magnum.rpc.messages import OperationReady

LOG = logging.getLogger(__name__)

PENDING_WAKE_UPS = 1000


class ConductorClient:
    """Casts wake-ups from a thread of its own, so that no request ever waits for the broker.

    A wake-up that is lost costs at most ``[conductor] sweep_interval``: conductors look into the
    table themselves.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        self._wake_ups: queue.Queue[OperationReady] = queue.Queue(PENDING_WAKE_UPS)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def wake(self, message: OperationReady) -> None:
        """Tell conductors of an operation, soon and perhaps never; returns at once."""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._cast_all, name="conductor-client", daemon=True
                )
                self._thread.start()
        try:
            self._wake_ups.put_nowait(message)
        except queue.Full:
            instruments.WAKE_UPS.inc("lost")
            LOG.warning("The broker does not take messages, conductors find operations by sweep")

    def _cast_all(self) -> None:
        client = oslo_messaging.get_rpc_client(
            transport.open_transport(self._conf),
            transport.target(self._conf.conductor.topic),
            # One try: by the time the broker is back, a sweep has long found the operation.
            retry=0,
        )
        # To all: one of them claims the operation, another may hold the one it supersedes.
        everyone = client.prepare(fanout=True)
        while True:
            message = self._wake_ups.get()
            outcome = "lost"
            try:
                everyone.cast({}, "operation_ready", message=message.to_wire())
                outcome = "sent"
            except oslo_messaging.MessagingException as error:
                LOG.warning(
                    "No wake-up for operation %s (a sweep will find it): %s",
                    message.operation_id,
                    error,
                )
            except Exception:  # the one thread that casts must outlive any surprise
                LOG.exception("No wake-up for operation %s", message.operation_id)
            instruments.WAKE_UPS.inc(outcome)
