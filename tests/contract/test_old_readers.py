# SPDX-License-Identifier: Apache-2.0
"""Clients of every age get a text out of every error.

What each read of a body was learnt by running them; here it is written down as three readers,
which fail where they failed.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
import webtest
from oslo_config import cfg

from magnum.api import app
from magnum.api.versions import Application
from magnum.core import errors

Reader = Callable[[str], tuple[str, str]]
"""Takes a body; returns the message shown and the details behind it."""


def _fault(members: dict[str, Any]) -> tuple[str, str]:
    fault = json.loads(members["error_message"])
    return fault["faultstring"], fault["debuginfo"] or ""


def read_2_0(body: str) -> tuple[str, str]:
    """Read as 1.1.0 and 2.0.0: only a JSON document in the string ``error_message``."""
    try:
        members = json.loads(body)
        return _fault(members) if "error_message" in members else ("", "")
    except ValueError:
        return "", ""


def read_2_1(body: str) -> tuple[str, str]:
    """Read as 2.1.0 and 2.2.0: else the first of ``errors``, which has title and detail."""
    try:
        members = json.loads(body)
        if "error_message" in members:
            return _fault(members)
    except ValueError:
        return "", ""
    first = members["errors"][0]
    return first["title"], first["detail"]


def read_2_3(body: str) -> tuple[str, str]:
    """Read as 2.3.0 to 3.7.0: ``error`` too, and a description in the place of a detail."""
    try:
        members = json.loads(body)
        if "error_message" in members:
            return _fault(members)
    except ValueError:
        return "", ""
    if "error" in members:
        return members["error"]["message"], ""
    first = members["errors"][0]
    return first["title"], first["detail"] if "detail" in first else first["description"]


READERS = (read_2_0, read_2_1, read_2_3)
FAULT = '{"debuginfo": null, "faultcode": "Client", "faultstring": "No bay."}'
ELEMENT = {"title": "No bay", "detail": "No bay."}
MEASURED = [
    ("2015", {"error_message": FAULT}, "No bay.", "No bay.", "No bay."),
    ("2016", {"errors": [ELEMENT]}, "", "No bay", "No bay"),
    ("both", {"error_message": FAULT, "errors": [ELEMENT]}, "No bay.", "No bay.", "No bay."),
    ("sentence", {"error_message": "No bay."}, "", "", ""),
    ("fault", json.loads(FAULT), "", KeyError, KeyError),
    ("empty list", {"errors": []}, "", IndexError, IndexError),
    ("description", {"errors": [{"title": "T", "description": "D"}]}, "", KeyError, "T"),
]
"""A body, and what the readers show of it; measured with the clients themselves."""

JSON_TYPE = {"Content-Type": "application/json"}
XML_TYPE = {"Content-Type": "application/xml"}
NEW = {"OpenStack-API-Version": "container-infra 9.9"}
OLD = {"X-OpenStack-Magnum-API-Version": "1.2.3"}
TEMPLATE = b'{"uuid": "%s", "coe": "swarm", "image_id": "fedora-atomic-21", "keypair_id": "ops"}'
AGAIN = TEMPLATE % b"8c1e0000-0000-4000-8000-000000000000"

ERRORS = [
    (400, "POST", "/v1/baymodels", b"{", JSON_TYPE),
    (400, "GET", "/v1/bays?limit=0", b"", {}),
    (403, "GET", "/v1/mservices", b"", {}),
    (404, "GET", "/v1/bays/b1", b"", {}),
    (404, "GET", "/a/bogus/url", b"", {}),
    (405, "PUT", "/v1/bays", b"", JSON_TYPE),
    (406, "GET", "/v1/bays", b"", NEW),
    (406, "GET", "/v1/bays", b"", OLD),
    (409, "POST", "/v1/baymodels", AGAIN, JSON_TYPE),
    (413, "POST", "/v1/baymodels", b"[" + b" " * 70000 + b"]", JSON_TYPE),
    (415, "POST", "/v1/baymodels", b"<a/>", XML_TYPE),
    (503, "GET", "/v1/baymodels", b"", {}),
]


@pytest.mark.parametrize("read", range(3), ids=["2.0", "2.1", "2.3"])
@pytest.mark.parametrize("measured", MEASURED, ids=lambda measured: measured[0])
def test_readers_read_as_the_clients_do(read: int, measured: tuple[Any, ...]) -> None:
    body, shown = json.dumps(measured[1]), measured[2 + read]
    if isinstance(shown, str):
        assert READERS[read](body)[0] == shown
    else:
        with pytest.raises(shown):
            READERS[read](body)


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
def test_readers_show_nothing_of_what_is_no_json(read: Reader) -> None:
    for body in ("", "<html>", "Authentication required"):
        assert read(body) == ("", "")


@pytest.fixture
def api(application: Application) -> webtest.TestApp:
    api = webtest.TestApp(application, extra_environ={"HTTP_X_AUTH_TOKEN": "alice:blue"})
    api.post("/v1/baymodels", AGAIN, headers=JSON_TYPE)
    return api


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
@pytest.mark.parametrize(
    ("status", "method", "path", "body", "headers"),
    ERRORS,
    ids=[f"{status}-{method}-{path}" for status, method, path, _, _ in ERRORS],
)
def test_every_reader_finds_the_sentence(
    api: webtest.TestApp,
    monkeypatch: pytest.MonkeyPatch,
    read: Reader,
    status: int,
    method: str,
    path: str,
    body: bytes,
    headers: dict[str, str],
) -> None:
    if status == 503:
        _break_templates(monkeypatch)
    answer = api.request(path, method=method, body=body, headers=headers, expect_errors=True)
    assert answer.status_int == status
    message, _details = read(answer.text)
    (element,) = answer.json["errors"]
    assert message.startswith(element["title"])
    assert element["title"]
    assert element["detail"]


def _break_templates(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise errors.Unavailable("Glance")

    monkeypatch.setattr("magnum.service.templates.Templates.page", fail)


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
def test_refusal_of_the_token_middleware_is_read_too_and_loses_nothing(
    conf: cfg.ConfigOpts, read: Reader
) -> None:
    services: Any = None  # nobody comes so far
    app.build(services, conf)  # registers the options
    conf.set_override("www_authenticate_uri", "http://keystone.test/v3", "keystone_authtoken")
    answer = webtest.TestApp(app.build(services, conf)).get("/v1/bays", status=401)
    assert read(answer.text)[0] == "The request needs a valid token."
    assert answer.json["error"]["title"] == "Unauthorized"
    assert answer.headers["WWW-Authenticate"] == 'Keystone uri="http://keystone.test/v3"'
