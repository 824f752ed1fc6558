# SPDX-License-Identifier: Apache-2.0
"""What failed of a bay's stack is told with the bay alone, and only while its status says so."""

import json

import pytest
import webtest
from sqlalchemy import select, update

from magnum.core.states import Outcome
from magnum.db.models import Cluster
from tests import factories
from tests.fakes.services import FAULTS, World

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def failed(world: World, api: webtest.TestApp) -> str:
    """Return the path of a bay whose creation has failed."""
    api.post_json("/v1/baymodels", factories.BAYMODEL, status=201)
    made = api.post_json("/v1/bays", {"name": "b", "baymodel_id": "m"}, status=201)
    assert "bay_faults" not in made.json
    assert "bay_faults" not in api.get("/v1/bays/b").json
    world.conductor.finish(Outcome.FAILED)
    return f"/v1/bays/{made.json['uuid']}"


def test_failed_bay_tells_its_faults(api: webtest.TestApp, failed: str) -> None:
    assert api.get(failed).json["bay_faults"] == FAULTS


def test_no_list_tells_faults(api: webtest.TestApp, failed: str) -> None:
    for path in ("/v1/bays", "/v1/bays/detail"):
        (listed,) = api.get(path).json["bays"]
        assert listed["status"] == "CREATE_FAILED"
        assert "bay_faults" not in listed


def test_failure_that_is_no_resource_s_has_no_faults(
    world: World, api: webtest.TestApp, failed: str
) -> None:
    world.database.write(lambda session: session.execute(update(Cluster).values(faults=None)))
    assert api.get(failed).json["bay_faults"] == {}


def test_next_operation_forgets_the_faults(world: World, api: webtest.TestApp, failed: str) -> None:
    api.delete(failed)
    (row,) = world.database.read(lambda session: session.scalars(select(Cluster)).all())
    assert row.faults is None
    assert "bay_faults" not in api.get(failed).json
    world.conductor.finish(Outcome.FAILED)
    assert api.get(failed).json["bay_faults"] == FAULTS


def test_faults_are_not_for_callers_to_set(api: webtest.TestApp, failed: str) -> None:
    body = {"baymodel_id": "m", "bay_faults": {}}
    assert "bay_faults" in api.post_json("/v1/bays", body, status=400).text
    for op in ("add", "replace", "remove"):
        patch = [{"op": op, "path": "/bay_faults", "value": "x"}]
        answer = api.patch(failed, json.dumps(patch), JSON, status=400)
        assert "/bay_faults is set by the service" in answer.text
    assert "sort_key" in api.get("/v1/bays?sort_key=bay_faults", status=400).text
