# SPDX-License-Identifier: Apache-2.0
"""The bus is only a wake-up: without it nothing is lost."""

import time
from collections.abc import Iterator

import pytest

from deployment import cloud as clouds
from deployment.cloud import Cloud
from minicloud.processes import Processes
from tests.functional.bays import Bays

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def broker(deployment: object, cloud: Cloud) -> Iterator[Processes]:
    """The mini cloud's processes; RabbitMQ runs again in the end, whatever happens."""
    yield Processes(cloud.prefix)
    clouds.up(cloud.prefix)


def test_bay_is_accepted_without_broker_and_made_with_it(
    broker: Processes, cloud: Cloud, bays: Bays, model: str
) -> None:
    broker.stop(["rabbitmq"])
    began = time.monotonic()
    bay = bays.create(model)
    seconds = time.monotonic() - began
    assert bays.show(bay).body["status"] == "CREATE_IN_PROGRESS"
    clouds.up(cloud.prefix)
    bays.wait_for(bay, "CREATE_COMPLETE")
    bays.delete(bay)
    bays.wait_until_gone(bay)
    assert seconds < 30, f"the answer took {seconds:.0f} s"
