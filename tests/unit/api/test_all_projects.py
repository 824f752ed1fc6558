# SPDX-License-Identifier: Apache-2.0
"""Which rules a call about another project's bay asks, and what an operator makes of them."""

import pathlib
from collections.abc import Callable

import pytest
import webtest
from oslo_config import cfg
from oslo_policy import opts

from magnum.api import app
from magnum.policy import Enforcer
from tests import factories
from tests.fakes.services import TokenGuard, World

RESIZE = [{"op": "replace", "path": "/node_count", "value": 2}]

Serve = Callable[[str], webtest.TestApp]


@pytest.fixture
def serve(world: World, conf: cfg.ConfigOpts, tmp_path: pathlib.Path) -> Serve:
    """Return what serves the API under an operator's policy."""

    def build(policy: str) -> webtest.TestApp:
        opts.set_defaults(conf)
        path = tmp_path / "policy.yaml"
        path.write_text(policy)
        conf.set_override("policy_file", str(path), "oslo_policy")
        return webtest.TestApp(app.build(world.services, conf, TokenGuard))

    return build


@pytest.fixture
def bay(api: webtest.TestApp, world: World) -> str:
    """A complete bay of project blue."""
    api.post_json("/v1/baymodels", factories.BAYMODEL)
    made = api.post_json("/v1/bays", {"name": "b1", "baymodel_id": "m"}).json["uuid"]
    world.conductor.finish()
    return str(made)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The rules that are asked, in their order."""
    rules: list[str] = []
    allows = Enforcer.allows

    def note(self: Enforcer, context: object, rule: str, target: object) -> bool:
        rules.append(rule)
        return allows(self, context, rule, target)  # type: ignore[arg-type]

    monkeypatch.setattr(Enforcer, "allows", note)
    return rules


@pytest.mark.parametrize(
    ("token", "rules"),
    [
        ("alice:blue", ["bay:get"]),
        ("boss:blue:admin", ["bay:get"]),
        ("eve:red", ["bay:get_one_all_projects"]),
        ("root:red:admin", ["bay:get_one_all_projects", "bay:get"]),
    ],
)
def test_nobody_is_asked_about_all_projects_for_what_is_their_own(
    api: webtest.TestApp, bay: str, asked: list[str], token: str, rules: list[str]
) -> None:
    asked.clear()
    api.get(f"/v1/bays/{bay}", headers={"X-Auth-Token": token}, expect_errors=True)
    assert asked == rules


def test_a_plain_rule_that_says_no_says_it_in_all_projects(serve: Serve, bay: str) -> None:
    api = serve('"cluster:delete": "role:keeper and rule:default"')
    admin, keeper = ({"X-Auth-Token": f"root:red:{role}"} for role in ("admin", "admin,keeper"))
    answer = api.delete(f"/v1/bays/{bay}", headers=admin, status=403)
    assert "bay:delete " in answer.json["errors"][0]["title"]
    api.get(f"/v1/bays/{bay}", headers=admin)
    api.delete(f"/v1/bays/{bay}", headers=keeper, status=204)


def test_a_plain_rule_is_asked_before_all_projects_are_listed(serve: Serve, bay: str) -> None:
    api = serve('"bay:get_all": "!"')
    admin = {"X-Auth-Token": "root:red:admin"}
    api.get("/v1/bays", headers=admin, status=403)
    assert len(api.get("/v1/bays/detail", headers=admin).json["bays"]) == 1


@pytest.mark.parametrize("noun", ["cluster", "bay"])
def test_another_role_may_look_into_all_projects(serve: Serve, bay: str, noun: str) -> None:
    api = serve(f'"{noun}:get_one_all_projects": "role:helpdesk"')
    helpdesk, admin = ({"X-Auth-Token": f"olga:red:{role}"} for role in ("helpdesk", "admin"))
    api.get(f"/v1/bays/{bay}", headers=helpdesk)
    api.get(f"/v1/bays/{bay}/events", headers=helpdesk)
    assert api.get("/v1/bays", headers=helpdesk).json["bays"] == []
    for header, status in ((helpdesk, 404), (admin, 200)):
        api.patch_json(f"/v1/bays/{bay}", RESIZE, headers=header, status=status)
    api.get(f"/v1/bays/{bay}", headers=admin, status=404)


def test_without_the_rules_an_administrator_is_a_stranger(serve: Serve, bay: str) -> None:
    actions = ("get_one", "get_all", "detail", "update", "delete")
    api = serve("".join(f'"cluster:{action}_all_projects": "!"\n' for action in actions))
    admin = {"X-Auth-Token": "root:red:admin"}
    path = f"/v1/bays/{bay}"
    assert api.get("/v1/bays", headers=admin).json["bays"] == []
    assert api.get("/v1/bays/detail", headers=admin).json["bays"] == []
    for answer in (
        api.get(path, headers=admin, status=404),
        api.patch_json(path, RESIZE, headers=admin, status=404),
        api.delete(path, headers=admin, status=404),
        api.delete("/v1/bays/b1", headers=admin, status=404),
    ):
        assert "your project" not in answer.json["errors"][0]["title"]
