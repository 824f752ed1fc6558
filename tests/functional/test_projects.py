# SPDX-License-Identifier: Apache-2.0
"""Two projects see nothing of each other; the members of one share its bays."""

import pathlib
from collections.abc import Iterator

import pytest

from deployment.cloud import Cloud
from deployment.sessions import Session
from tests.functional import openssl
from tests.functional.bays import Bays


@pytest.fixture
def stranger(deployment: object, cloud: Cloud) -> Bays:
    """Somebody in another project."""
    return Bays(Session.of(cloud, cloud.user("alt")))


@pytest.fixture
def colleague(deployment: object, cloud: Cloud) -> Bays:
    """Another member of the same project."""
    return Bays(Session.of(cloud, cloud.user("demo2")))


@pytest.fixture
def bay(nothing_left: None, bays: Bays, model: str) -> Iterator[str]:
    """A complete bay of the user demo."""
    made = bays.create(model)
    bays.wait_for(made, "CREATE_COMPLETE")
    yield made
    if bays.show(made).status != 404:
        bays.delete(made)
        bays.wait_until_gone(made)


def test_stranger_finds_nothing(
    bay: str, model: str, stranger: Bays, bays: Bays, tmp_path: pathlib.Path
) -> None:
    request = openssl.make_request(tmp_path, "stranger").read_text()
    change = [{"op": "replace", "path": "/node_count", "value": 2}]
    answers = {
        "show": stranger.show(bay),
        "events": stranger.send("GET", f"/bays/{bay}/events"),
        "update": stranger.send("PATCH", f"/bays/{bay}", change),
        "delete": stranger.send("DELETE", f"/bays/{bay}"),
        "certificate": stranger.send("GET", f"/certificates/{bay}"),
        "signature": stranger.send("POST", "/certificates", {"bay_uuid": bay, "csr": request}),
        "baymodel": stranger.send("GET", f"/baymodels/{model}"),
        "use": stranger.send("POST", "/bays", {"name": "mine", "baymodel_id": model}),
    }
    refused = {what: reply.status for what, reply in answers.items()}
    expected = dict.fromkeys(answers, 404)
    assert refused.pop("use") in {400, 404}
    del expected["use"]
    assert refused == expected
    listed = stranger.send("GET", "/bays").body["bays"]
    assert bay not in {row["uuid"] for row in listed}
    assert bays.show(bay).body["status"] == "CREATE_COMPLETE"


def test_colleague_may_delete(bay: str, colleague: Bays) -> None:
    assert colleague.show(bay).status == 200
    colleague.delete(bay)
    colleague.wait_until_gone(bay)
