# SPDX-License-Identifier: Apache-2.0
"""What a bay depends on fails while it is made, changed and deleted; it comes to its end, once.

The service runs on proxies that break its connections to the database, the broker and Heat, so
that nobody else on the mini cloud notices.  Only Keystone is stopped for good: its own catalogue
leads past a proxy.
"""

import contextlib
import os
import pathlib
import signal
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import sqlalchemy

from deployment import cloud as clouds
from deployment.cloud import Cloud, User
from deployment.configuration import layered
from deployment.faultproxy import Fault, FaultProxy
from deployment.service import Deployment
from deployment.sessions import Reply, Session, send
from minicloud.processes import Processes
from tests.functional import bus
from tests.functional.bays import Bays
from tests.functional.conftest import DATABASE, DEBUG, FOLDER, metrics_options, start
from tests.functional.nodes import Nodes

pytestmark = pytest.mark.usefixtures("nothing_left", "surroundings")

LEASE = 4  # seconds


class Surroundings:
    """The service, and its ways to the database, the broker and Heat."""

    def __init__(self, cloud: Cloud, programs: pathlib.Path, ports: Sequence[int]) -> None:
        database = sqlalchemy.make_url(cloud.database_url(DATABASE))
        broker = sqlalchemy.make_url(cloud.facts["transport_url"])
        heat = Session.of(cloud, cloud.user("demo")).endpoints["orchestration"]
        self.database = FaultProxy(cloud.address, database.port or 0)
        self.broker = FaultProxy(cloud.address, broker.port or 0)
        self.heat = FaultProxy(cloud.address, sqlalchemy.make_url(heat).port or 0)
        override = f"http://{cloud.address}:{self.heat.port}/v1/%(project_id)s"
        self.metrics_ports = ports
        options = {
            "database": {"connection": _led_to(database, self.database)},
            "DEFAULT": {"transport_url": _led_to(broker, self.broker)},
            "heat_client": {"endpoint_override": override},
            "conductor": {"lease_seconds": str(LEASE)},
        }
        extra = layered(DEBUG, metrics_options(cloud, ports), options)
        self.service = Deployment(cloud, programs, FOLDER / "faults", DATABASE, extra)

    @property
    def _all(self) -> tuple[FaultProxy, ...]:
        return (self.database, self.broker, self.heat)

    def start(self, modules: pathlib.Path) -> None:
        """Start the service; the database is there."""
        self.service.configure()
        start(self.service, modules)

    def heal(self) -> None:
        """Let everything pass."""
        for way in self._all:
            way.heal()

    def close(self) -> None:
        """End the service and the ways."""
        self.heal()
        self.service.stop()
        for way in self._all:
            way.close()

    @contextlib.contextmanager
    def conductors_held(self) -> Iterator[None]:
        """Keep the conductors from doing anything meanwhile."""
        pids = [process.pid for process in self.service.processes if "conductor" in process.name]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def conductors_log(self) -> str:
        """Return what the conductors have written."""
        return "".join(path.read_text() for path in self.service.logs() if "cond" in path.name)


def _led_to(url: sqlalchemy.URL, proxy: FaultProxy) -> str:
    return url.set(port=proxy.port).render_as_string(hide_password=False)


@pytest.fixture(scope="module")
def surroundings(
    deployment: Deployment, cloud: Cloud, modules: pathlib.Path, metrics_ports: list[int]
) -> Iterator[Surroundings]:
    """The service, with the same database, led through proxies; the usual one rests meanwhile."""
    deployment.stop()
    made = Surroundings(cloud, deployment.programs, metrics_ports)
    try:
        made.start(modules)
        yield made
    finally:
        made.close()
        start(deployment, modules)


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


def remove(bays: Bays, bay: str) -> None:
    bays.delete(bay)
    bays.wait_until_gone(bay)


def assert_unavailable(reply: Reply, service: str) -> None:
    assert reply.status == 503, reply
    assert reply.body["errors"][0]["title"] == f"{service} does not answer, try again later"
    assert reply.headers["retry-after"]


def test_database_heat_and_broker_may_go_away(
    ways: Surroundings, cloud: Cloud, nodes: Nodes, bays: Bays, model: str
) -> None:
    nodes.behave(paused=True)
    bay = bays.create(model, name="outages")
    bays.wait_for_event(bay, "Heat has accepted the stack")

    ways.database.fail(Fault.REFUSED)
    assert_unavailable(bays.show(bay), "The database")
    until(lambda: database_is_missed(ways))
    time.sleep(LEASE + 1)  # the conductor's lease has to run out
    ways.database.heal()
    assert bays.show(bay).status == 200

    ways.heat.fail(Fault.FAILING)
    until(lambda: ways.heat.hits >= 2)
    ways.heat.fail(Fault.REFUSED)
    assert bus.lose_queues(cloud)
    tell_nonsense(ways, bay)
    ways.broker.fail(Fault.REFUSED)
    nodes.behave()
    ways.heat.heal()
    bays.wait_for(bay, "CREATE_COMPLETE")

    bays.resize(bay, 2)
    bays.wait_for(bay, "UPDATE_COMPLETE")
    ways.broker.heal()
    tell_nonsense(ways, bay)
    assert len(bays.stacks("outages")) == 1
    bays.delete(bay)
    bays.wait_for_event(bay, "Heat deletes the stack")
    bays.delete_stack("outages")
    bays.wait_until_gone(bay)


def test_bay_is_accepted_without_broker_and_made_with_it(
    ways: Surroundings, cloud: Cloud, bays: Bays, model: str
) -> None:
    # Its real end would be one for Nova's and Heat's programs too, which may need minutes.
    ways.broker.fail(Fault.REFUSED)
    began = time.monotonic()
    bay = bays.create(model)
    seconds = time.monotonic() - began
    assert bays.show(bay).body["status"] == "CREATE_IN_PROGRESS"
    assert bus.lose_queues(cloud)
    ways.broker.heal()
    bays.wait_for(bay, "CREATE_COMPLETE")
    remove(bays, bay)
    assert seconds < 30, f"the answer took {seconds:.0f} s"


def database_is_missed(ways: Surroundings) -> bool:
    """Tell whether monitoring sees that the database is away, and sees all else."""
    base = f"http://{ways.service.cloud.address}"
    api, conductor, _ = ways.metrics_ports
    health = send("GET", f"{base}:{api}/healthz")
    metrics = send("GET", f"{base}:{conductor}/metrics")
    assert metrics.status == 200
    assert health.body["checks"]["keystone"] == {"ok": True}
    told = (health.status, health.body["checks"]["database"]["ok"])
    return told == (503, False) and "\nmagnum_database_up 0.0\n" in metrics.body


def tell_nonsense(ways: Surroundings, bay: str) -> None:
    """Wake the conductors for a bay's operations again and again, and for what does not exist."""
    with contextlib.closing(bus.Bus(ways.service.config)) as told:
        for operation in [*operations_of(ways, bay) * 20, str(uuid.uuid4())]:
            told.cast("operation_ready", message={"operation_id": operation})
        told.cast("operation_ready", message={"id": 1})
        told.cast("operation_ready")
        told.cast("no_such_method", message="\N{PILE OF POO}")


def operations_of(ways: Surroundings, bay: str) -> list[str]:
    """Return the operations of a bay, the newest first: out of their order."""
    query = sqlalchemy.text("SELECT uuid FROM operation WHERE cluster_id = :bay ORDER BY id DESC")
    engine = sqlalchemy.create_engine(ways.service.cloud.database_url(DATABASE))
    with engine.connect() as connection:
        found = list(connection.scalars(query, {"bay": bay}))
    engine.dispose()
    return found


def test_answers_of_heat_may_get_lost(ways: Surroundings, bays: Bays, model: str) -> None:
    with answers_lost(ways.heat, rb"POST /v1/\w+/stacks ", 2):
        bay = bays.create(model, name="unheard")
        unseen = bays.create(model, name="unseen")
    bays.delete(unseen)
    bays.wait_for(bay, "CREATE_COMPLETE")
    bays.wait_until_gone(unseen)
    assert not bays.stacks("unseen")
    with answers_lost(ways.heat, rb"PATCH "):
        bays.resize(bay, 2)
    bays.wait_for(bay, "UPDATE_COMPLETE")
    assert len(bays.stacks("unheard")) == 1
    with answers_lost(ways.heat, rb"DELETE "):
        bays.delete(bay)
    bays.wait_until_gone(bay)


@contextlib.contextmanager
def answers_lost(way: FaultProxy, only: bytes, times: int = 1) -> Iterator[None]:
    """Lose the answers to what is asked for in the block."""
    way.fail(Fault.LOST, only)
    yield
    until(lambda: way.hits >= times)
    way.heal()


def test_keystone_may_go_away_and_forget_us(
    ways: Surroundings, cloud: Cloud, nodes: Nodes, bays: Bays, model: str
) -> None:
    admin = Session.of(cloud, cloud.user("admin"))
    newcomer = Bays(Session.of(cloud, cloud.user("demo")))  # whose token the API has not seen yet
    nodes.behave(paused=True)
    with ways.conductors_held():
        bay = bays.create(model, name="forgotten")
        Processes(cloud.prefix).stop(["keystone"])
    assert_unavailable(newcomer.show(bay), "Keystone")
    until(lambda: "Keystone is unavailable" in ways.conductors_log())
    clouds.up(cloud.prefix)
    bays.wait_for_event(bay, "Heat has accepted the stack")
    bays.wait_for_event(bay, "Keystone does not answer")
    revoke_tokens(admin, cloud.service_user)
    nodes.behave()
    bays.wait_for(bay, "CREATE_COMPLETE")

    revoke_tokens(admin, cloud.service_user)
    bays.resize(bay, 2)
    bays.wait_for(bay, "UPDATE_COMPLETE")

    bays.delete_stack("forgotten")
    until(lambda: not bays.stacks("forgotten"))
    bays.resize(bay, 1)
    failed = bays.wait_for(bay, "UPDATE_FAILED")
    assert failed["status_reason"].endswith("is gone, only deleting it is possible.")
    remove(bays, bay)


def revoke_tokens(admin: Session, user: User) -> None:
    """Make all tokens of a user worthless, as an operator does who fears for its password."""
    for enabled in (False, True):
        admin.call("PATCH", "identity", f"/users/{user.id}", {"user": {"enabled": enabled}})
