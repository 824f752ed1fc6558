# SPDX-License-Identifier: Apache-2.0
"""The bus is only a wake-up: without it nothing is lost."""

import time
from collections.abc import Iterator

import pytest

from deployment import cloud as clouds
from deployment.cloud import Cloud
from deployment.sessions import Silent
from minicloud.processes import Processes
from tests.functional.bays import Bays

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def broker(deployment: object, cloud: Cloud, bays: Bays) -> Iterator[Processes]:
    """The mini cloud's processes; RabbitMQ runs again in the end, and Heat has noticed."""
    yield Processes(cloud.prefix)
    clouds.up(cloud.prefix)
    wait_for_heat(bays)


def wait_for_heat(bays: Bays) -> None:
    """Wait until Heat's programs, which speak over the broker, have all found each other again.

    One that still waits for a reply on a queue that is gone answers after a minute.
    """
    deadline = time.monotonic() + 180
    quick = 0
    while quick < 8:
        quick = quick + 1 if _heat_is_quick(bays) else 0
        assert time.monotonic() < deadline, "Heat has not come back"


def _heat_is_quick(bays: Bays) -> bool:
    began = time.monotonic()
    try:
        answers = bays.session.send("GET", "orchestration", "/stacks").status == 200
    except Silent:
        answers = False
    return answers and time.monotonic() - began < 3


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
