# SPDX-License-Identifier: Apache-2.0
"""The message bus in the hands of somebody who means no good."""

import pathlib
import subprocess
from typing import Any

import amqp
import oslo_messaging
from oslo_config import cfg
from sqlalchemy import make_url

from deployment.cloud import Cloud
from magnum.rpc import transport
from minicloud import services, settings

TOPIC = "magnum-conductor"
_RABBITMQCTL = "/usr/lib/rabbitmq/bin/rabbitmqctl"


class Bus:
    """Sends whatever is wanted to all conductors.

    :param config: the service's, which tells where the broker is.
    """

    def __init__(self, config: pathlib.Path) -> None:
        cfg.CONF(["--config-file", str(config)], project="magnum")
        self._transport = transport.open_transport(cfg.CONF)
        client = oslo_messaging.get_rpc_client(self._transport, transport.target(TOPIC))
        self._everyone = client.prepare(fanout=True)

    def cast(self, method: str, **arguments: Any) -> None:
        """Send a message."""
        self._everyone.cast({}, method, **arguments)

    def close(self) -> None:
        """Leave the broker."""
        self._transport.cleanup()


def lose_queues(cloud: Cloud, topic: str = TOPIC) -> list[str]:
    """Purge all queues of conductors, and delete them.

    :param topic: what their names begin with.
    :returns: their names.
    """
    names = [name for name in queues(cloud.prefix) if name.startswith(topic)]
    broker = make_url(cloud.facts["transport_url"])
    with amqp.Connection(
        f"{broker.host}:{broker.port}", userid=broker.username, password=broker.password
    ) as connection:
        channel = connection.channel()
        for name in names:
            channel.queue_purge(name)
            channel.queue_delete(name)
    return names


def kinds(cloud: Cloud) -> dict[str, str]:
    """Return the kind of each queue there is, such as quorum, by its name."""
    listed = control(cloud.prefix, "list_queues", "--no-table-headers", "name", "type")
    pairs = (line.split() for line in listed.splitlines())
    return {pair[0]: pair[1] for pair in pairs}


def queues(prefix: pathlib.Path) -> list[str]:
    """Return the names of the broker's queues."""
    return control(prefix, "list_queues", "--no-table-headers", "name").split()


def control(prefix: pathlib.Path, *words: str) -> str:
    """Administer the broker of the mini cloud at a prefix; returns what its tool prints."""
    environment = services.environment(settings.load(prefix), services.find("rabbitmq"))
    command = [_RABBITMQCTL, "-q", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout
