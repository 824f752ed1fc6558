# SPDX-License-Identifier: Apache-2.0
"""What a bay depends on fails while it is made, changed and deleted; it comes to its end, once.

The service runs on proxies that break its connections to the database, the broker and Heat, so
that nobody else on the mini cloud notices.  Only Keystone is stopped for good: its own catalogue
leads past a proxy.
"""

import dataclasses
import os
import pathlib
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy

from deployment import cloud as clouds, inventory
from deployment.cloud import Cloud, User
from deployment.faultproxy import Fault, FaultProxy
from deployment.service import Deployment, wrapped_with
from deployment.sessions import Reply, Session
from minicloud.processes import Processes
from tests.functional.bays import Bays
from tests.functional.conftest import DATABASE, FOLDER
from tests.functional.nodes import Nodes

pytestmark = pytest.mark.usefixtures("nothing_left", "surroundings")

LEASE = 4  # seconds


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """The ways from the service to what it depends on."""

    database: FaultProxy
    broker: FaultProxy
    heat: FaultProxy

    def heal(self) -> None:
        for way in (self.database, self.broker, self.heat):
            way.heal()

    def options(self, cloud: Cloud) -> dict[str, dict[str, str]]:
        """Return what leads the service here."""
        database = sqlalchemy.make_url(cloud.database_url(DATABASE)).set(port=self.database.port)
        broker = sqlalchemy.make_url(cloud.facts["transport_url"]).set(port=self.broker.port)
        heat = f"http://{cloud.address}:{self.heat.port}/v1/%(project_id)s"
        return {
            "database": {"connection": database.render_as_string(hide_password=False)},
            "DEFAULT": {"transport_url": broker.render_as_string(hide_password=False)},
            "heat_client": {"endpoint_override": heat},
            "conductor": {"lease_seconds": str(LEASE)},
        }


def _ports(cloud: Cloud) -> dict[str, int]:
    urls = {
        "database": cloud.database_url(DATABASE),
        "broker": cloud.facts["transport_url"],
        "heat": Session.of(cloud, cloud.user("demo")).endpoints["orchestration"],
    }
    return {name: int(sqlalchemy.make_url(url).port or 0) for name, url in urls.items()}


@pytest.fixture(scope="module")
def surroundings(deployment: Deployment, cloud: Cloud, modules: pathlib.Path) -> Iterator[Surroundings]:
    """The service, with the same database, led through proxies; the usual one rests meanwhile."""
    deployment.stop()
    ports = _ports(cloud)
    ways = Surroundings(**{name: FaultProxy(cloud.address, port) for name, port in ports.items()})
    faulty = Deployment(cloud, deployment.programs, FOLDER / "faults", DATABASE, ways.options(cloud))
    faulty.configure()
    try:
        faulty.start_api()
        for name in ("conductor-1", "conductor-2"):
            faulty.start_conductor(name)
        yield ways
    finally:
        faulty.stop()
        for way in (ways.database, ways.broker, ways.heat):
            way.close()
        wrapper = wrapped_with("wrapper.py", str(modules))
        deployment.start_api(wrapper)
        for name in ("conductor-1", "conductor-2"):
            deployment.start_conductor(name, wrapper)


@pytest.fixture
def ways(surroundings: Surroundings) -> Iterator[Surroundings]:
    """The ways, open again in the end."""
    yield surroundings
    surroundings.heal()


def until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait until something is so, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.2)
    return found


def has_told(bays: Bays, bay: str, words: str) -> bool:
    """Whether one of a bay's events has these words."""
    return any(words in event["text"] for event in bays.events(bay))


def stacks_of(bays: Bays, name: str) -> list[dict[str, Any]]:
    """Return the stacks that a bay of that name has in its owner's project."""
    found = bays.session.get("orchestration", "/stacks")["stacks"]
    return [stack for stack in found if stack["stack_name"].startswith(f"{name}-")]


def delete_stack(bays: Bays, name: str) -> None:
    """Delete a bay's stack as its owner may, without a word to us."""
    (stack,) = stacks_of(bays, name)
    path = f"/stacks/{stack['stack_name']}/{stack['id']}"
    bays.session.call("DELETE", "orchestration", path)


def remove(bays: Bays, bay: str) -> None:
    bays.delete(bay)
    bays.wait_until_gone(bay)


def assert_unavailable(reply: Reply, service: str) -> None:
    assert reply.status == 503, reply
    assert reply.body["errors"][0]["title"] == f"{service} does not answer, try again later"
    assert reply.headers["retry-after"]


def test_database_heat_and_broker_may_go_away(
    ways: Surroundings, nodes: Nodes, bays: Bays, model: str
) -> None:
    nodes.behave(paused=True)
    bay = bays.create(model, name="outages")
    until(lambda: has_told(bays, bay, "Heat has accepted the stack"))
    ways.database.fail(Fault.REFUSED)
    assert_unavailable(bays.show(bay), "The database")
    time.sleep(LEASE + 1)  # the conductor's lease has to run out
    ways.database.heal()
    assert bays.show(bay).status == 200
    ways.heat.fail(Fault.FAILING)
    until(lambda: ways.heat.hits >= 2)
    ways.heat.fail(Fault.REFUSED)
    ways.broker.fail(Fault.REFUSED)
    nodes.behave()
    ways.heat.heal()
    bays.wait_for(bay, "CREATE_COMPLETE")
    bays.resize(bay, 2)
    bays.wait_for(bay, "UPDATE_COMPLETE")
    assert len(stacks_of(bays, "outages")) == 1
    bays.delete(bay)
    until(lambda: has_told(bays, bay, "Heat deletes the stack"))
    delete_stack(bays, "outages")
    bays.wait_until_gone(bay)


def test_answers_of_heat_may_get_lost(ways: Surroundings, bays: Bays, model: str) -> None:
    ways.heat.fail(Fault.LOST, rb"(POST|PATCH|DELETE) ")
    bay = bays.create(model, name="unheard")
    unseen = bays.create(model, name="unseen")
    until(lambda: ways.heat.hits >= 2)
    remove(bays, unseen)
    assert not stacks_of(bays, "unseen")
    bays.wait_for(bay, "CREATE_COMPLETE")
    bays.resize(bay, 2)
    bays.wait_for(bay, "UPDATE_COMPLETE")
    assert len(stacks_of(bays, "unheard")) == 1
    remove(bays, bay)
