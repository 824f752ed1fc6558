# SPDX-License-Identifier: Apache-2.0
import json
import logging
import pathlib

import pytest
import webtest
from oslo_config import cfg
from webob import exc

from magnum.api import app, auth
from magnum.api.versions import Application
from magnum.core import errors
from tests import factories
from tests.fakes.services import TokenGuard, World


def test_healthcheck_answers_503_while_the_file_is_there(
    world: World, conf: cfg.ConfigOpts, tmp_path: pathlib.Path
) -> None:
    flag = tmp_path / "healthcheck_disable"
    conf.set_override("healthcheck_disable_file", str(flag), "api")
    api = webtest.TestApp(app.build(world.services, conf, TokenGuard))
    assert api.get("/healthcheck").text == "OK"
    flag.touch()
    assert api.get("/healthcheck", status=503).text == "DISABLED BY FILE"


def test_unexpected_error_is_logged_and_tells_nothing(
    world: World,
    api: webtest.TestApp,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the secret is xyzzy")

    monkeypatch.setattr(world.services.clusters.__class__, "page", fail)
    with caplog.at_level(logging.ERROR):
        answer = api.get("/v1/bays", status=500)
    request_id = answer.headers["x-openstack-request-id"]
    assert "xyzzy" not in answer.text
    assert "Traceback" not in answer.text
    assert request_id in answer.json["errors"][0]["title"]
    assert request_id in caplog.text
    assert "the secret is xyzzy" in caplog.text
    assert answer.headers["OpenStack-API-Version"] == "container-infra 1.1"


def test_unavailable_service_says_when_to_try_again(
    world: World, api: webtest.TestApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise errors.Unavailable("Glance")

    monkeypatch.setattr(world.services.templates.__class__, "page", fail)
    answer = api.get("/v1/baymodels", status=503)
    assert answer.headers["Retry-After"] == "5"
    assert answer.json["errors"][0]["code"] == "server"


@pytest.mark.parametrize("path", ["/v1/bays", "/v1/nothing"])
def test_large_body_is_refused_unread(
    api: webtest.TestApp, conf: cfg.ConfigOpts, path: str
) -> None:
    body = b"[" + b" " * conf.api.max_body_size + b"]"
    answer = api.post(path, body, status=413, content_type="application/json")
    assert answer.json["errors"][0]["status"] == 413


def test_chunked_body_is_read_up_to_the_limit(api: webtest.TestApp) -> None:
    environ = {"wsgi.input_terminated": True}
    request = webtest.TestRequest.blank("/v1/baymodels", method="POST", environ=environ)
    request.body = json.dumps(factories.BAYMODEL).encode()
    request.content_type = "application/json"
    del request.environ["CONTENT_LENGTH"]
    assert api.request(request).status_int == 201


def test_links_follow_the_proxy_when_it_is_believed(world: World, conf: cfg.ConfigOpts) -> None:
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "cloud.test"}
    app.build(world.services, conf, TokenGuard)  # registers the options
    for believed, expected in ((False, "http://localhost"), (True, "https://cloud.test")):
        conf.set_override("enable_proxy_headers_parsing", believed, "oslo_middleware")
        api = webtest.TestApp(app.build(world.services, conf, TokenGuard))
        answer = api.get("/", headers=headers)
        assert answer.json["versions"][0]["links"][0]["href"] == f"{expected}/v1/"


def test_preflight_needs_no_token(world: World, conf: cfg.ConfigOpts) -> None:
    app.build(world.services, conf, TokenGuard)  # registers the options
    conf.set_override("allowed_origin", ["https://horizon.test"], "cors")
    api = webtest.TestApp(app.build(world.services, conf, TokenGuard))
    answer = api.options(
        "/v1/bays",
        headers={
            "Origin": "https://horizon.test",
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "X-Auth-Token",
        },
    )
    assert answer.headers["Access-Control-Allow-Origin"] == "https://horizon.test"
    assert "x-openstack-request-id" in answer.headers


def test_identity_headers_do_not_pass_on_public_paths(conf: cfg.ConfigOpts) -> None:
    seen: dict[str, object] = {}

    def inner(environ: dict[str, object], start_response: object) -> list[bytes]:
        seen.update(environ)
        start_response("200 OK", [])  # type: ignore[operator]
        return []

    headers = {
        "X-Roles": "admin",
        "X-Project-Id": "blue",
        "X-User-Id": "eve",
        "X-Identity-Status": "Confirmed",
        "X-Service-Roles": "service",
        "OpenStack-System-Scope": "all",
    }
    webtest.TestApp(auth.Authentication(inner, conf, TokenGuard)).get("/v1/", headers=headers)
    assert not [name for name in seen if name.startswith(("HTTP_X_", "HTTP_OPENSTACK"))]


def test_keystone_guards_all_but_the_public_paths(world: World, conf: cfg.ConfigOpts) -> None:
    app.build(world.services, conf)  # registers the options
    conf.set_override("www_authenticate_uri", "http://keystone.test/v3", "keystone_authtoken")
    api = webtest.TestApp(app.build(world.services, conf))
    assert api.get("/v1/").status_int == 200
    answer = api.get("/v1/bays", status=401, headers={"X-Identity-Status": "Confirmed"})
    assert answer.headers["WWW-Authenticate"].startswith("Keystone uri=")
    assert answer.json["error"]["code"] == 401
    assert answer.json["errors"][0]["title"] == "The request needs a valid token"


@pytest.mark.parametrize(
    "agent",
    [
        "python-magnumclient",
        "python-keystoneclient",
        "magnum keystoneauth1/5.18.1 python-requests/2.34.2 CPython/3.11.2",  # 2.1.0
        "python-urllib3/2.8.0",  # 3.6.0
    ],
)
def test_clients_that_break_at_retry_after_are_spared_it(
    world: World, api: webtest.TestApp, monkeypatch: pytest.MonkeyPatch, agent: str
) -> None:
    def fail(*_: object) -> None:
        raise errors.Unanswered("The engine does not answer in time.")

    monkeypatch.setattr(world.services.templates.__class__, "page", fail)
    answer = api.get("/v1/baymodels", headers={"User-Agent": agent}, status=504)
    assert "Retry-After" not in answer.headers
    assert answer.json["errors"][0]["title"] == "The engine does not answer in time"


def test_keystone_that_cannot_even_be_found_is_told_as_silent(
    world: World, conf: cfg.ConfigOpts
) -> None:
    api = webtest.TestApp(app.build(world.services, conf))  # says nothing of Keystone at all
    answer = api.get("/v1/bays", status=503)
    assert answer.json["errors"][0]["title"].startswith("Keystone does not answer")
    assert "Retry-After" in answer.headers


def test_keystone_that_is_down_is_named(world: World, conf: cfg.ConfigOpts) -> None:
    def guard(_app: Application, _conf: cfg.ConfigOpts) -> Application:
        down: Application = exc.HTTPServiceUnavailable()  # what the token middleware raises
        return down

    answer = webtest.TestApp(app.build(world.services, conf, guard)).get("/v1/bays", status=503)
    assert answer.json["errors"][0]["title"] == "Keystone does not answer, try again later"
    assert answer.headers["Retry-After"] == "5"


def test_an_operators_policy_file_counts(
    world: World, conf: cfg.ConfigOpts, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text('"cluster:get_all": "role:admin"\n"baymodel:get_all": "!"\n')
    app.build(world.services, conf, TokenGuard)  # registers the options
    conf.set_override("policy_file", str(path), "oslo_policy")
    api = webtest.TestApp(app.build(world.services, conf, TokenGuard))
    token = {"X-Auth-Token": "alice:blue"}
    answer = api.get("/v1/bays", headers=token, status=403)
    assert "bay:get_all" in answer.json["errors"][0]["detail"]
    api.get("/v1/baymodels", headers=token, status=403)
    api.get("/v1/bays/detail", headers=token)
    api.get("/v1/bays", headers={"X-Auth-Token": "boss:blue:admin"})
