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
from deployment.sessions import Session
from minicloud.processes import Processes
from tests.functional.bays import Bays
from tests.functional.conftest import DATABASE, FOLDER

pytestmark = pytest.mark.usefixtures("nothing_left", "surroundings")

SWEEP = 6.0  # seconds; who is faster was woken


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """The ways from the service to what it depends on."""

    database: FaultProxy
    broker: FaultProxy
    heat: FaultProxy

    def options(self, cloud: Cloud) -> dict[str, dict[str, str]]:
        """Return what leads the service here."""
        database = sqlalchemy.make_url(cloud.database_url(DATABASE)).set(port=self.database.port)
        broker = sqlalchemy.make_url(cloud.facts["transport_url"]).set(port=self.broker.port)
        heat = f"http://{cloud.address}:{self.heat.port}/v1/%(project_id)s"
        return {
            "database": {"connection": database.render_as_string(hide_password=False)},
            "DEFAULT": {"transport_url": broker.render_as_string(hide_password=False)},
            "heat_client": {"endpoint_override": heat},
            "conductor": {"sweep_interval": str(SWEEP), "lease_seconds": "4"},
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
def heat(surroundings: Surroundings) -> Iterator[FaultProxy]:
    yield surroundings.heat
    surroundings.heat.heal()


def until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait until something is so, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)
    return found


POST_STACK = rb"POST /v1/\w+/stacks "


def test_exp_delete(heat, bays, model) -> None:
    heat.fail(Fault.LOST, POST_STACK)
    bay = bays.create(model)
    until(lambda: heat.hits)
    bays.delete(bay)
    heat.heal()
    began = time.monotonic()
    bays.wait_until_gone(bay)
    print("GONE after", time.monotonic() - began)


def test_exp_create(heat, bays, model) -> None:
    heat.fail(Fault.LOST, POST_STACK)
    bay = bays.create(model)
    until(lambda: heat.hits >= 2)
    heat.heal()
    began = time.monotonic()
    bays.wait_for(bay, "CREATE_COMPLETE")
    print("COMPLETE after", time.monotonic() - began)
    for e in bays.events(bay): print(e["created_at"], e["severity"], e["resource"], e["text"])
    print([s["stack_name"] for s in bays.session.get("orchestration", "/stacks")["stacks"]])
    bays.delete(bay)
    bays.wait_until_gone(bay)
