# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks run in the service's environment, and the cloud that they play for it."""

import warnings

import pytest
from oslo_config import cfg

with warnings.catch_warnings():
    # WebOb imports the deprecated module cgi, oslo.messaging its own eventletutils.
    warnings.simplefilter("ignore", DeprecationWarning)
    import webtest

    from benchmarks.inside import ceiling, rows
from benchmarks import standin
from magnum.db import claims
from magnum.db.models import Cluster, ClusterTemplate
from magnum.db.session import Database
from tests.fakes.cloud import FakeCloud
from tests.fakes.services import TokenGuard


def test_rows_for_the_api_are_there_and_their_authority_goes_again(
    conf: cfg.ConfigOpts, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FakeCloud().store
    monkeypatch.setattr(rows, "_store", lambda _conf: store)
    made = rows.fill(conf, "p", "u")
    count = database.read(
        lambda session: (session.query(Cluster).count(), session.query(ClusterTemplate).count())
    )
    assert count == (100, 20)
    assert made["csr"].startswith("-----BEGIN CERTIFICATE REQUEST")
    assert list(store.bundles) == [f"magnum-{made['bay']}-ca"]
    assert rows.clear(conf) == {"cleared": 1}
    assert store.bundles == {}


def test_bays_in_flight_are_held_by_who_claims_them(
    conf: cfg.ConfigOpts, database: Database
) -> None:
    rows.fly(conf, "7", "3")
    assert rows.held(conf) == {"conductors": 0, "held": {}}
    taken = database.write(lambda session: claims.claim(session, "me", 60, 5))
    assert {(claim.action, claim.step) for claim in taken} == {("CREATE", "stack")}
    assert rows.held(conf)["held"] == {"me": 5}
    assert len({claim.project_id for claim in taken}) == 3


def test_empty_controller_stands_behind_the_middleware(conf: cfg.ConfigOpts) -> None:
    empty = webtest.TestApp(ceiling.build(conf, TokenGuard))
    empty.get("/v1/bays/any", status=401)
    reply = empty.get("/v1/bays/any", headers={"X-Auth-Token": "alice:blue"})
    assert (reply.json, reply.headers["OpenStack-API-Version"]) == ({}, "container-infra 1.1")


def test_stacks_that_are_played_are_those_asked_for_and_in_progress() -> None:
    cloud = standin.Cloud("http://cloud")
    status, body, _ = cloud.answer("GET", "/heat/p/stacks?id=a&id=b", None)
    stacks = {stack["id"]: stack["stack_status"] for stack in body["stacks"]}
    assert (status, stacks) == (200, dict.fromkeys("ab", "CREATE_IN_PROGRESS"))


def test_calls_that_are_played_are_counted_by_kind() -> None:
    cloud = standin.Cloud("http://cloud")
    for target in ("/heat/p/stacks", "/heat/p/stacks/a/resources", "/heat/p/stacks/b/resources"):
        cloud.answer("GET", target, None)
    assert cloud.answer("GET", "/elsewhere", None)[0] == 404
    counts = cloud.answer("GET", "/counts", None)[1]
    assert counts == {"stacks": 1, "resources": 2, "unknown GET /elsewhere": 1}
