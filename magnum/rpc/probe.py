# SPDX-License-Identifier: Apache-2.0
"""Whether the message broker takes messages, for the deep health check."""

import functools
from typing import Any

import oslo_messaging
from oslo_config import cfg

from magnum.core import errors
from magnum.rpc import transport


class Broker:
    """Sends messages that nobody receives, the way that wake-ups go."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf

    def check(self) -> None:
        """Send one.

        :raises Unavailable: the broker does not take it.
        """
        try:
            self._client.cast({}, "nothing")
        except (oslo_messaging.MessagingException, OSError) as error:
            raise errors.Unavailable("The message broker") from error

    @functools.cached_property
    def _client(self) -> Any:
        # Nobody listens to this topic, so the broker drops what is sent there.
        topic = f"{self._conf.conductor.topic}-probe"
        client = oslo_messaging.get_rpc_client(
            transport.open_transport(self._conf), transport.target(topic), retry=0
        )
        return client.prepare(fanout=True)
