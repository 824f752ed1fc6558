# SPDX-License-Identifier: Apache-2.0
"""A listener at the real broker hears what is done for a bay, from the request to the end."""

import queue
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from oslo_config import cfg

from deployment.cloud import Cloud
from magnum import rpc  # has to say first that there are threads
from tests.functional.bays import PATIENCE, Bays
from tests.functional.conftest import NOTIFICATIONS

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of its own eventletutils
    import oslo_messaging

assert rpc
pytestmark = pytest.mark.usefixtures("nothing_left")


class Listener:
    """What an operator's collector is to oslo.messaging: one method a priority."""

    def __init__(self) -> None:
        self._heard: queue.Queue[tuple[str, str, str, dict[str, Any]]] = queue.Queue()

    def info(self, _: Any, publisher: str, kind: str, event: dict[str, Any], __: Any) -> None:
        self._heard.put(("info", publisher, kind, event))

    def error(self, _: Any, publisher: str, kind: str, event: dict[str, Any], __: Any) -> None:
        self._heard.put(("error", publisher, kind, event))

    def next_of(self, bay: str) -> tuple[str, str, str, dict[str, Any]]:
        """Wait for the next one about a bay."""
        while True:
            heard = self._heard.get(timeout=PATIENCE)
            if heard[-1]["target"]["id"] == bay:
                return heard


@pytest.fixture
def listener(deployment: object, cloud: Cloud) -> Iterator[Listener]:
    conf = cfg.ConfigOpts()
    conf([], project="listener", default_config_files=[], default_config_dirs=[])
    transport = oslo_messaging.get_notification_transport(conf, cloud.facts["transport_url"])
    target = oslo_messaging.Target(exchange="magnum", topic=NOTIFICATIONS["topics"])
    listener = Listener()
    server = oslo_messaging.get_notification_listener(
        transport, [target], [listener], executor="threading"
    )
    server.start()
    yield listener
    server.stop()
    server.wait()


def test_what_is_done_for_a_bay_is_told_to_a_listener(
    listener: Listener, bays: Bays, model: str
) -> None:
    bay = bays.create(model, name="heard")
    priority, publisher, kind, event = listener.next_of(bay)
    assert (priority, kind, event["outcome"]) == ("info", "magnum.bay.create", "pending")
    assert publisher.startswith("container.conductor-")
    assert event["target"]["name"] == "heard"
    bays.wait_for(bay, "CREATE_COMPLETE")
    priority, _, kind, event = listener.next_of(bay)
    assert (priority, kind, event["outcome"]) == ("info", "magnum.bay.create", "success")
    (attachment,) = event["target"]["attachments"]
    shown = bays.show(bay).body
    for name in ("status", "api_address", "node_addresses", "node_count", "stack_id"):
        assert attachment["content"][name] == shown[name]
    bays.delete(bay)
    bays.wait_until_gone(bay)
    told = [listener.next_of(bay) for _ in range(2)]
    assert [(kind, event["outcome"]) for _, _, kind, event in told] == [
        ("magnum.bay.delete", "pending"),
        ("magnum.bay.delete", "success"),
    ]
    initiators = {event["initiator"]["request_id"] for _, _, _, event in told}
    assert len(initiators) == 1
