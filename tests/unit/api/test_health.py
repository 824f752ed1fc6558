# SPDX-License-Identifier: Apache-2.0
"""A bay's health: beside what clients of 2016 know, where one bay is shown, and nobody's to set."""

import pytest
import webtest

from tests import factories
from tests.fakes.services import HEALTH, World

FIELDS = ("health_status", "health_status_reason")


@pytest.fixture
def bay(world: World, api: webtest.TestApp) -> str:
    api.post_json("/v1/baymodels", factories.BAYMODEL)
    api.post_json("/v1/bays", {"baymodel_id": "m", "name": "b"})
    return "/v1/bays/b"


def test_health_is_null_until_somebody_has_looked(
    world: World, api: webtest.TestApp, bay: str
) -> None:
    shown = api.get(bay).json
    assert [shown[name] for name in FIELDS] == [None, {}]
    world.conductor.finish()
    shown = api.get(bay).json
    assert [shown[name] for name in FIELDS] == ["HEALTHY", HEALTH]


def test_health_is_shown_with_one_bay_alone(world: World, api: webtest.TestApp, bay: str) -> None:
    world.conductor.finish()
    others = [
        api.get("/v1/bays").json["bays"][0],
        api.get("/v1/bays/detail").json["bays"][0],
        api.patch_json(bay, [{"op": "replace", "path": "/node_count", "value": 2}]).json,
    ]
    for shown in others:
        assert not shown.keys() & set(FIELDS)


@pytest.mark.parametrize("field", FIELDS)
def test_health_is_not_for_callers_to_set(api: webtest.TestApp, bay: str, field: str) -> None:
    api.post_json("/v1/bays", {"baymodel_id": "m", field: "HEALTHY"}, status=400)
    for op in ("add", "replace", "remove"):
        patch = [{"op": op, "path": f"/{field}", "value": "HEALTHY"}]
        api.patch_json(bay, patch, status=400)
