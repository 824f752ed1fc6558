# SPDX-License-Identifier: Apache-2.0
"""What must hold on every route of the table."""

import json

import pytest
import webtest

from magnum.api import routes

pytestmark = pytest.mark.kinds("mariadb-utf8mb4")  # what is asked of it is the same row each time

BODY_METHODS = ("POST", "PATCH", "PUT")
CALLS = [(route, method) for route in routes.ROUTES for method in sorted(route.handlers)]
GUARDED = [
    (route, method)
    for route, method in CALLS
    if not route.public and method not in route.projectless
]


def _path(route: routes.Route) -> str:
    return "/" + "/".join(route.path).replace(routes.IDENT, "x")


def _name(call: object) -> str:
    return _path(call) if isinstance(call, routes.Route) else str(call)


def _send(api: webtest.TestApp, path: str, method: str, token: str) -> webtest.TestResponse:
    is_sent = method in BODY_METHODS
    return api.request(
        path,
        method=method,
        body=json.dumps([]).encode() if is_sent else b"",
        headers={"X-Auth-Token": token, "Content-Type": "application/json"},
        expect_errors=True,
    )


def test_only_two_calls_are_open_to_a_token_without_a_project() -> None:
    open_calls = {
        ("/".join(route.path), method) for route in routes.ROUTES for method in route.projectless
    }
    assert open_calls == {("v1/certificates", "POST"), ("v1/certificates/{ident}", "GET")}


def test_only_discovery_is_public() -> None:
    assert frozenset({(), ("v1",)}) == routes.PUBLIC_PATHS


@pytest.mark.parametrize(("route", "method"), GUARDED, ids=_name)
@pytest.mark.parametrize("token", ["alice", "boss::admin"])
def test_token_without_project_is_refused(
    api: webtest.TestApp, route: routes.Route, method: str, token: str
) -> None:
    for path in (_path(route), _path(route) + "/", _path(route).removeprefix("/v1")):
        answer = _send(api, path, method, token)
        assert answer.status_int == 403
        assert answer.json["errors"][0]["title"].startswith("The token has no project")


@pytest.mark.parametrize(("route", "method"), CALLS, ids=_name)
def test_unknown_query_parameter_is_refused(
    api: webtest.TestApp, route: routes.Route, method: str
) -> None:
    answer = _send(api, _path(route) + "/?all_tenants=1", method, "alice:blue")
    assert answer.status_int == 400
    assert "all_tenants" in answer.json["errors"][0]["title"]


@pytest.mark.parametrize(("route", "method"), CALLS, ids=_name)
def test_every_answer_has_a_request_id_and_never_fails(
    api: webtest.TestApp, route: routes.Route, method: str
) -> None:
    answer = _send(api, _path(route), method, "alice:blue")
    assert answer.headers["x-openstack-request-id"].startswith("req-")
    assert answer.status_int < 500
    if answer.status_int >= 400:
        (error,) = answer.json["errors"]
        assert error["request_id"] == answer.headers["x-openstack-request-id"]
        assert error["title"]
        fault = json.loads(answer.json["error_message"])
        assert fault["faultstring"] == error["detail"]


@pytest.mark.parametrize("route", routes.ROUTES, ids=_name)
def test_other_methods_are_not_allowed(api: webtest.TestApp, route: routes.Route) -> None:
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - route.handlers.keys():
        answer = _send(api, _path(route), method, "alice:blue")
        assert answer.status_int == 405
        assert answer.headers["Allow"] == ", ".join(sorted(route.handlers))


TOOLS = {
    "pods": "kubectl",
    "rcs": "kubectl",
    "services": "kubectl",
    "x509keypairs": "magnum ca-sign",
    "nodes": "openstack server list",
}


@pytest.mark.parametrize("below", ["", "/", "/x", "/detail", "/x/?bay_ident=b1", "/x/y/z/"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(("collection", "tool"), TOOLS.items())
def test_what_is_gone_names_the_tool_that_took_its_place(
    api: webtest.TestApp, collection: str, tool: str, method: str, below: str
) -> None:
    for prefix in ("/v1/", "/"):
        answer = _send(api, f"{prefix}{collection}{below}", method, "alice:blue")
        assert answer.status_int == 404
        if method == "HEAD":
            continue
        (error,) = answer.json["errors"]
        # Client 2.1.0 prints the fault whole, later ones the title, which ends at a full stop.
        sentence = json.loads(answer.json["error_message"])["faultstring"]
        assert error["title"] == sentence.removesuffix(".")
        assert f"any more, use {tool}" in sentence
        assert _send(api, f"{prefix}{collection}{below}", method, "").status_int == 401


@pytest.mark.parametrize("path", ["/v1/container", "/v1/bays/pods/x", "/v2/pods", "/v1/pod"])
def test_other_paths_without_a_route_have_just_nothing(api: webtest.TestApp, path: str) -> None:
    answer = _send(api, path, "GET", "alice:blue")
    assert answer.status_int == 404
    assert answer.json["errors"][0]["title"].startswith("There is nothing at /")


@pytest.mark.parametrize("route", routes.ROUTES, ids=_name)
def test_without_token_only_public_routes_answer(api: webtest.TestApp, route: routes.Route) -> None:
    answer = _send(api, _path(route), "GET", "")
    assert (answer.status_int == 401) is not route.public
