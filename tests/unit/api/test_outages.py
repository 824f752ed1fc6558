# SPDX-License-Identifier: Apache-2.0
"""What the API depends on is away: it says who, writes nothing, and goes on when that is back."""

from collections.abc import Iterator
from typing import Any

import oslo_messaging
import pytest
import webtest
from oslo_config import cfg
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from magnum.core import errors
from magnum.db import models
from magnum.db.models import Cluster, ClusterTemplate, NodeGroup, Operation
from magnum.db.session import Database
from magnum.rpc.client import ConductorClient
from magnum.rpc.messages import OperationReady
from tests import factories
from tests.fakes.cloud import Killed
from tests.fakes.database import FlakyDatabase
from tests.fakes.rpc import FakeRpc
from tests.fakes.services import FakePreflight, MemoryStore, World

BAY = {"name": "b2", "baymodel_id": "m"}
GROW = [{"op": "replace", "path": "/node_count", "value": 2}]
REQUESTS = [
    ("GET", "/v1/bays", None),
    ("GET", "/v1/bays/b", None),
    ("GET", "/v1/bays/b/events", None),
    ("POST", "/v1/bays", BAY),
    ("PATCH", "/v1/bays/b", GROW),
    ("DELETE", "/v1/bays/b", None),
    ("GET", "/v1/baymodels", None),
    ("GET", "/v1/baymodels/m", None),
    ("POST", "/v1/baymodels", {**factories.BAYMODEL, "name": "m2"}),
    ("GET", "/v1/certificates/b", None),
]


@pytest.fixture
def database(database: Database) -> Iterator[FlakyDatabase]:
    """The test's database, which goes away at will."""
    flaky = FlakyDatabase()
    yield flaky
    flaky.engine.dispose()


@pytest.fixture
def bay(api: webtest.TestApp, world: World) -> dict[str, Any]:
    """A complete bay b of the baymodel m."""
    api.post_json("/v1/baymodels", factories.BAYMODEL)
    made: dict[str, Any] = api.post_json("/v1/bays", {**BAY, "name": "b"}).json
    world.conductor.finish()
    return made


def send(api: webtest.TestApp, method: str, path: str, body: Any) -> webtest.TestResponse:
    if body is None:
        return api.request(path, method=method, expect_errors=True)
    return getattr(api, f"{method.lower()}_json")(path, body, expect_errors=True)


def rows(database: Database) -> list[int]:
    tables = (Cluster, ClusterTemplate, NodeGroup, Operation, models.Event)
    return database.read(
        lambda session: [session.scalar(select(func.count(table.id))) or 0 for table in tables]
    )


def assert_away(answer: webtest.TestResponse, service: str) -> None:
    assert answer.status_int == 503
    assert answer.json["errors"][0]["title"] == f"{service} does not answer, try again later"
    assert answer.headers["Retry-After"] == "5"


@pytest.mark.usefixtures("bay")
@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
def test_database_that_is_away_is_named(
    api: webtest.TestApp, database: FlakyDatabase, method: str, path: str, body: Any
) -> None:
    before = rows(database)
    database.away()
    assert_away(send(api, method, path, body), "The database")
    database.back()
    assert rows(database) == before
    assert send(api, method, path, body).status_int < 300


@pytest.mark.usefixtures("bay")
@pytest.mark.parametrize("service", ["Keystone", "Glance", "Nova", "Neutron"])
@pytest.mark.parametrize(
    ("path", "body"), [("/v1/bays", BAY), ("/v1/baymodels", {**factories.BAYMODEL, "name": "m2"})]
)
def test_service_that_has_to_be_asked_and_is_away_is_named(
    api: webtest.TestApp,
    database: FlakyDatabase,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    body: Any,
    service: str,
) -> None:
    def check(*_: object, **_options: object) -> None:
        raise errors.Unavailable(service)

    before = rows(database)
    monkeypatch.setattr(FakePreflight, "check", check)
    assert_away(send(api, "POST", path, body), service)
    assert rows(database) == before


def test_certificate_store_that_is_away_is_named(
    api: webtest.TestApp, bay: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*_: object) -> None:
        raise errors.Unavailable("Barbican")

    monkeypatch.setattr(MemoryStore, "load", load)
    assert_away(send(api, "GET", f"/v1/certificates/{bay['uuid']}", None), "Barbican")


@pytest.mark.usefixtures("bay")
@pytest.mark.parametrize(("method", "path", "body"), REQUESTS[3:6])
def test_broker_that_is_away_is_not_missed(
    api: webtest.TestApp,
    world: World,
    conf: cfg.ConfigOpts,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    path: str,
    body: Any,
) -> None:
    rpc = FakeRpc(oslo_messaging.MessageDeliveryFailure("no broker"))
    monkeypatch.setattr("oslo_messaging.get_rpc_client", lambda *_, **_options: rpc)
    client = ConductorClient(conf)
    monkeypatch.setattr(world.services.clusters, "_conductor", client)
    before = rows(world.database)
    assert send(api, method, path, body).status_int < 300
    assert rows(world.database)[3] == before[3] + 1  # whoever sweeps finds the operation
    client.wake(OperationReady("the next one"))
    assert rpc.cast_of.get(timeout=10) == "the next one"


@pytest.mark.usefixtures("bay")
@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
def test_process_that_dies_leaves_a_bay_with_its_operation_or_neither(
    api: webtest.TestApp, database: FlakyDatabase, moment: str
) -> None:
    before = rows(database)

    def die(_session: Session) -> None:
        raise Killed

    event.listen(Session, moment, die)
    with pytest.raises(Killed):
        send(api, "POST", "/v1/bays", BAY)
    event.remove(Session, moment, die)
    made = [after - then for after, then in zip(rows(database), before, strict=True)]
    assert made == ([0] * 5 if moment == "before_commit" else [1, 0, 2, 1, 1])
