# SPDX-License-Identifier: Apache-2.0
"""A server that is stopped or says nothing, as users, operators and conductors see it."""

import json
import time
from collections.abc import Callable

import pytest
import webtest
from oslo_config import cfg

from magnum.api import routes
from magnum.core import errors
from magnum.core.states import Action
from magnum.db import connections, repository
from magnum.db.session import Database
from tests import factories
from tests.servers import Server
from tests.unit.conductor.conftest import Bench
from tests.unit.conductor.test_service import Running, status_of, until

FEW_SECONDS = 5.0
NOWHERE = "2d1f0c6e-8f6b-4ad4-9b0a-7f6f3a1c2b3d"

BODIES = {
    ("v1/bays", "POST"): {"baymodel_id": "x"},
    ("v1/baymodels", "POST"): {"coe": "swarm", "image_id": "fedora-atomic-21", "keypair_id": "ops"},
    ("v1/certificates", "POST"): {"bay_uuid": "x", "csr": "x"},
    ("v1/containers", "POST"): {"bay_uuid": NOWHERE, "image": "busybox"},
    ("v1/containers/x/execute", "PUT"): {"command": "ls"},
    ("v1/containers/x", "PATCH"): [{"op": "replace", "path": "/name", "value": "y"}],
    ("v1/bays/x", "PATCH"): [{"op": "replace", "path": "/node_count", "value": 2}],
    ("v1/baymodels/x", "PATCH"): [{"op": "replace", "path": "/name", "value": "y"}],
}
CALLS = [
    ("/".join(route.path).replace(routes.IDENT, "x"), method)
    for route in routes.ROUTES
    for method in sorted(route.handlers)
    if not route.public
]


def call(api: webtest.TestApp, path: str, method: str) -> webtest.TestResponse:
    body = BODIES.get((path, method))
    return api.request(
        f"/{path}",
        method=method,
        body=b"" if body is None else json.dumps(body).encode(),
        headers={"X-Auth-Token": "alice:blue:admin", "Content-Type": "application/json"},
        expect_errors=True,
    )


def test_every_call_is_answered_503_while_it_is_stopped_and_served_after(
    server: Server,
    database: Database,
    api: webtest.TestApp,
) -> None:
    assert call(api, "v1/bays", "GET").status_int == 200
    server.stop()
    for path, method in CALLS:
        began = time.monotonic()
        answer = call(api, path, method)
        assert answer.status_int == 503, (path, method, answer.text)
        assert answer.headers["Retry-After"] == "5"
        title = "The database does not answer, try again later"
        assert answer.json["errors"][0]["title"] == title
        assert time.monotonic() - began < FEW_SECONDS
    assert api.get("/v1/").status_int == 200
    server.start()
    statuses = {call(api, path, method).status_int for path, method in CALLS}
    assert max(statuses) < 500


# PostgreSQL's driver waits for ever on a server whose host keeps its connections up.
@pytest.mark.kinds("mariadb-utf8mb4")
def test_silence_is_not_waited_for_without_end(
    server: Server, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "ANSWER_SECONDS", 1)
    silent = Database()
    silent.read(repository.conductors)
    server.freeze()
    began = time.monotonic()
    with pytest.raises(errors.Unavailable):
        silent.read(repository.conductors)
    assert time.monotonic() - began < FEW_SECONDS
    server.thaw()
    silent.read(repository.conductors)
    silent.engine.dispose()


def test_conductor_goes_on_when_it_is_back(
    server: Server,
    conf: cfg.ConfigOpts,
    database: Database,
    bench: Bench,
    start: Callable[[], Running],
    caplog: pytest.LogCaptureFixture,
) -> None:
    start()
    row = factories.add_cluster(database, Action.CREATE)
    until(lambda: [o for o in bench.operations() if o.step == "stack"])
    server.stop()
    bench.fakes.heat.settle()
    caplog.clear()
    until(lambda: caplog.text.count("cannot be reached") > 2)
    server.start()
    bench.expire_leases()
    until(lambda: status_of(bench, row.uuid) == "CREATE_COMPLETE")
