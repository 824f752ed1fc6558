# SPDX-License-Identifier: Apache-2.0
"""A listener for notifications at the real broker."""

import contextlib
import queue
import warnings
from collections.abc import Iterator
from typing import Any

from oslo_config import cfg

from deployment.cloud import Cloud
from magnum import rpc  # has to say first that there are threads
from tests.functional.bays import PATIENCE

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of its own eventletutils
    import oslo_messaging

assert rpc

Heard = tuple[str, str, str, dict[str, Any]]
"""Priority, publisher, kind and event."""


class Listener:
    """What an operator's collector is to oslo.messaging: one method a priority."""

    def __init__(self) -> None:
        self._heard: queue.Queue[Heard] = queue.Queue()

    def info(self, _: Any, publisher: str, kind: str, event: dict[str, Any], __: Any) -> None:
        self._heard.put(("info", publisher, kind, event))

    def error(self, _: Any, publisher: str, kind: str, event: dict[str, Any], __: Any) -> None:
        self._heard.put(("error", publisher, kind, event))

    def next_of(self, bay: str) -> Heard:
        """Wait for the next one about a bay."""
        while True:
            heard = self._heard.get(timeout=PATIENCE)
            if heard[-1]["target"]["id"] == bay:
                return heard


@contextlib.contextmanager
def listening(cloud: Cloud, topic: str) -> Iterator[Listener]:
    """Listen to what the service tells under a topic."""
    conf = cfg.ConfigOpts()
    conf([], project="listener", default_config_files=[], default_config_dirs=[])
    transport = oslo_messaging.get_notification_transport(conf, cloud.facts["transport_url"])
    target = oslo_messaging.Target(exchange="magnum", topic=topic)
    listener = Listener()
    server = oslo_messaging.get_notification_listener(
        transport, [target], [listener], executor="threading"
    )
    server.start()
    try:
        yield listener
    finally:
        server.stop()
        server.wait()
