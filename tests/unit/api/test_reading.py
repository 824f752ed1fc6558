# SPDX-License-Identifier: Apache-2.0
"""What fuzzing has found in the reading of requests; each failed before."""

import io
import json
import time
import urllib.parse
from typing import Any

import pytest

from magnum.api.versions import Application
from tests import factories, wire
from tests.wire import Answer, Request

HEADERS = (("Content-Type", "application/json"), ("X-Auth-Token", "alice:blue"))


def ask(app: Application, method: str, target: str, body: Any = None) -> Answer:
    text = b"" if body is None else json.dumps(body).encode()
    return wire.send(app, Request(method, target.encode(), HEADERS, text))


def post(app: Application, body: bytes, **environ: Any) -> Answer:
    """Send a creation, with something odd in its environment."""
    return wire.send(app, Request("POST", b"/v1/baymodels", HEADERS, body), environ)


def title(answer: Answer) -> str:
    found: str = answer.json()["errors"][0]["title"]
    return found


class Garbled:
    """A body whose chunks the server cannot read."""

    def read(self, _size: int = -1) -> bytes:
        raise RuntimeError("Invalid chunk size: b'zz'")


@pytest.mark.parametrize("length", ["", "9"])
def test_garbled_body_is_the_callers_fault(application: Application, length: str) -> None:
    answer = post(application, b"", CONTENT_LENGTH=length, **{"wsgi.input": Garbled()})
    assert answer.status == 400
    assert title(answer).startswith("The body must arrive whole")


def test_body_that_ends_early_is_refused_though_it_is_json(application: Application) -> None:
    text = json.dumps(factories.BAYMODEL).encode()
    answer = post(application, text, CONTENT_LENGTH=str(len(text) + 9))
    assert answer.status == 400
    assert title(answer).endswith("as announced")


@pytest.mark.parametrize("length", ["9" * 5000, "0" * 5000, "-1", "\xb2", "1e3"])
def test_length_that_is_no_number_of_bytes_is_refused(
    application: Application, length: str
) -> None:
    answer = post(application, b"{}", CONTENT_LENGTH=length)
    assert answer.status == 400
    assert "Content-Length" in title(answer)


def test_nothing_behind_the_reader_reads_the_body(application: Application) -> None:
    left = io.BytesIO(b"name=value&" * 4000)
    request = Request("POST", b"/v1/baymodels", HEADERS[1:])
    answer = wire.send(application, request, {"wsgi.input": left, "CONTENT_LENGTH": "0"})
    assert answer.status == 400
    assert left.tell() == 0


@pytest.mark.parametrize("verb", ["BREW.", "BREW. TEA", "B" * 9000])
def test_title_names_the_methods_whatever_the_one_sent(application: Application, verb: str) -> None:
    answer = ask(application, verb, "/v1/bays")
    assert answer.status == 405
    assert title(answer).endswith("which has GET, POST")
    assert len(title(answer)) < 200


@pytest.mark.parametrize("segment", ["x" * 9000, "b. " * 3000])
def test_long_names_do_not_come_back_whole(application: Application, segment: str) -> None:
    quoted = urllib.parse.quote(segment)
    for target in (f"bays/{quoted}", quoted, f"bays?{quoted}=1", f"bays?{quoted}=1&{quoted}=2"):
        answer = ask(application, "GET", f"/v1/{target}")
        assert answer.status in (400, 404)
        assert 20 < len(title(answer)) < 400


@pytest.mark.parametrize("value", ["text", [1], ""])
def test_long_paths_of_patches_do_not_come_back_whole(
    application: Application, value: object
) -> None:
    assert ask(application, "POST", "/v1/baymodels", factories.BAYMODEL).status == 201
    for path in ("/" + "x" * 9000, "/labels/" + "x" * 9000):
        patch = [{"op": "replace", "path": path, "value": value}]
        answer = ask(application, "PATCH", "/v1/baymodels/m", patch)
        assert answer.status == 400
        assert len(title(answer)) < 400


def test_many_operations_on_many_labels_take_no_time(application: Application) -> None:
    labels = {f"label{number}": "x" for number in range(8000)}
    body = {**factories.BAYMODEL, "labels": labels}
    assert ask(application, "POST", "/v1/baymodels", body).status == 201
    patch = [{"op": "replace", "path": "/labels/label7", "value": "y"}] * 1000
    began = time.process_time()
    answer = ask(application, "PATCH", "/v1/baymodels/m", patch)
    assert time.process_time() - began < 2
    assert answer.json()["labels"] == {**labels, "label7": "y"}


def test_full_stops_in_names_do_not_end_the_first_sentence(application: Application) -> None:
    model = {**factories.BAYMODEL, "name": "a. b"}
    assert ask(application, "POST", "/v1/baymodels", model).status == 201
    bay = {"name": "b.", "baymodel_id": "a. b"}
    assert ask(application, "POST", "/v1/bays", bay).status == 201
    patch = [{"op": "replace", "path": "/node_count", "value": 2}]
    refused = (
        ("DELETE", "/v1/baymodels/a.%20b", None, "because bays refer to it"),
        ("PATCH", "/v1/bays/b.", patch, "can be updated only when complete"),
        ("GET", "/v1/certificates/b.", None, "try again in a few seconds"),
        (
            "POST",
            "/v1/baymodels",
            {**factories.BAYMODEL, "server_type": "x. y"},
            "swarm on ubuntu (vm)",
        ),
    )
    for method, target, body, end in refused:
        assert title(ask(application, method, target, body)).endswith(end)
