# SPDX-License-Identifier: Apache-2.0
"""What the service layer refuses, as the caller sees it; and that nothing was written."""

import pathlib
from typing import Any

import pytest
import webtest
from oslo_config import cfg

from magnum.api import app
from magnum.clients.errors import NotPermitted
from magnum.core import errors
from tests import factories
from tests.fakes.services import FakePreflight, TokenGuard, World

REFUSALS = [
    (errors.ReferencedMissing("image_id is 'x' but must be another."), 400),
    (errors.Invalid("image_id is 'x' but must have the property os_distro."), 400),
    (errors.KeypairNotFound("keypair_id is 'x' but must be another."), 404),
    (errors.Ambiguous("image", "x"), 409),
    (NotPermitted("Glance", 403, "You are not allowed."), 403),
    (errors.Unauthorized("Nova does not accept your token any more, log in again."), 401),
    *((errors.Unavailable(name), 503) for name in ("Keystone", "Glance", "Nova", "Neutron")),
]


@pytest.fixture
def template(api: webtest.TestApp) -> str:
    made = api.post_json("/v1/baymodels", {**factories.BAYMODEL, "external_network_id": "public"})
    return str(made.json["uuid"])


@pytest.mark.parametrize(("error", "status"), REFUSALS, ids=lambda part: str(part)[:30])
def test_check_that_fails_is_told_and_nothing_is_written(
    api: webtest.TestApp,
    template: str,
    monkeypatch: pytest.MonkeyPatch,
    error: errors.MagnumError,
    status: int,
) -> None:
    def fail(*_: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(FakePreflight, "check", fail)
    patch = [{"op": "add", "path": "/flavor_id", "value": "m1.small"}]
    for answer in (
        api.post_json("/v1/baymodels", factories.BAYMODEL, expect_errors=True),
        api.post_json("/v1/bays", {"baymodel_id": template}, expect_errors=True),
        api.patch_json(f"/v1/baymodels/{template}", patch, expect_errors=True),
    ):
        assert answer.status_int == status
        assert answer.json["errors"][0]["detail"] == error.message
        assert answer.headers.get("Retry-After") == ("5" if status == 503 else None)
    assert api.get("/v1/bays").json["bays"] == []
    (left,) = api.get("/v1/baymodels/detail").json["baymodels"]
    assert left["flavor_id"] is None


def test_publishing_has_a_rule_of_its_own(
    world: World, conf: cfg.ConfigOpts, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text('"baymodel:publish": "role:admin"\n')
    app.build(world.services, conf, TokenGuard)  # registers the options
    conf.set_override("policy_file", str(path), "oslo_policy")
    api = webtest.TestApp(
        app.build(world.services, conf, TokenGuard),
        extra_environ={"HTTP_X_AUTH_TOKEN": "alice:blue"},
    )
    _expect_forbidden(
        api.post_json("/v1/baymodels", {**factories.BAYMODEL, "public": True}, status=403)
    )
    api.post_json("/v1/baymodels", factories.BAYMODEL)
    patch = [{"op": "replace", "path": "/public", "value": "True"}]
    _expect_forbidden(api.patch_json("/v1/baymodels/m", patch, status=403))
    admin = {"X-Auth-Token": "boss:blue:admin"}
    assert api.patch_json("/v1/baymodels/m", patch, headers=admin).json["public"] is True


def _expect_forbidden(answer: Any) -> None:
    assert "baymodel:publish" in answer.json["errors"][0]["title"]


@pytest.mark.parametrize("name", ["v1. beta", "dots...", "m. ", "a.b"])
def test_name_with_full_stops_hides_nothing_of_the_first_sentence(
    api: webtest.TestApp, name: str
) -> None:
    made = api.post_json(
        "/v1/baymodels", {**factories.BAYMODEL, "name": name, "external_network_id": "public"}
    )
    api.post_json("/v1/bays", {"baymodel_id": made.json["uuid"], "name": "b..."})
    used = api.delete(f"/v1/baymodels/{made.json['uuid']}", status=400)
    assert used.json["errors"][0]["title"].endswith("because bays refer to it")
    patch = [{"op": "replace", "path": "/node_count", "value": 2}]
    early = api.patch_json("/v1/bays/b...", patch, status=400)
    assert early.json["errors"][0]["title"].endswith("can be updated only when complete")
    early = api.get("/v1/certificates/b...", status=409)
    assert "no certificate authority yet" in early.json["errors"][0]["title"]
