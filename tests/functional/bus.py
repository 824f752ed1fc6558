# SPDX-License-Identifier: Apache-2.0
"""The message bus in the hands of somebody who means no good."""

import pathlib
import subprocess
from typing import Any

import oslo_messaging
from oslo_config import cfg

from magnum.rpc import transport
from minicloud import services, settings

TOPIC = "magnum-conductor"
_RABBITMQCTL = "/usr/lib/rabbitmq/bin/rabbitmqctl"


def cast(config: pathlib.Path, method: str, **arguments: Any) -> None:
    """Send a message to all conductors, in whatever form.

    :param config: the service's, which tells where the broker is.
    """
    conf = cfg.ConfigOpts()
    conf(["--config-file", str(config)], project="magnum")
    client = oslo_messaging.get_rpc_client(
        transport.open_transport(conf), transport.target(TOPIC)
    )
    client.prepare(fanout=True).cast({}, method, **arguments)


def lose_queues(prefix: pathlib.Path) -> list[str]:
    """Purge all queues of conductors, and delete them.

    :returns: their names.
    """
    listed = _rabbitmqctl(prefix, "-q", "list_queues", "--no-table-headers", "name")
    names = [name for name in listed.split() if name.startswith(TOPIC)]
    for name in names:
        _rabbitmqctl(prefix, "purge_queue", name)
        _rabbitmqctl(prefix, "delete_queue", name)
    return names


def _rabbitmqctl(prefix: pathlib.Path, *words: str) -> str:
    environment = services.environment(settings.load(prefix), services.find("rabbitmq"))
    done = subprocess.run(
        [_RABBITMQCTL, *words], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
