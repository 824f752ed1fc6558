# SPDX-License-Identifier: Apache-2.0
"""Two projects see nothing of each other; the members of one share its bays."""

import pathlib
import uuid
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


def _answers(caller: Bays, bay: str, model: str, request: str) -> dict[str, int]:
    """Try everything on a bay and a baymodel, and return how each was answered."""
    change = [{"op": "replace", "path": "/node_count", "value": 2}]
    replies = {
        "show": caller.show(bay),
        "events": caller.send("GET", f"/bays/{bay}/events"),
        "update": caller.send("PATCH", f"/bays/{bay}", change),
        "delete": caller.send("DELETE", f"/bays/{bay}"),
        "certificate": caller.send("GET", f"/certificates/{bay}"),
        "signature": caller.send("POST", "/certificates", {"bay_uuid": bay, "csr": request}),
        "baymodel": caller.send("GET", f"/baymodels/{model}"),
        "remove baymodel": caller.send("DELETE", f"/baymodels/{model}"),
        "use baymodel": caller.send("POST", "/bays", {"name": "mine", "baymodel_id": model}),
    }
    return {what: reply.status for what, reply in replies.items()}


def test_stranger_cannot_tell_a_bay_from_one_that_does_not_exist_and_a_colleague_may_delete_it(
    bay: str, model: str, stranger: Bays, colleague: Bays, tmp_path: pathlib.Path
) -> None:
    request = openssl.make_request(tmp_path, "stranger").read_text()
    answers = _answers(stranger, bay, model, request)
    assert answers == _answers(stranger, str(uuid.uuid4()), str(uuid.uuid4()), request)
    assert set(answers.values()) == {400, 404}  # 400 where the uuid is in the body
    for plural, mine in (("bays", bay), ("baymodels", model)):
        listed = stranger.send("GET", f"/{plural}").body[plural]
        assert mine not in {row["uuid"] for row in listed}
    assert colleague.show(bay).body["status"] == "CREATE_COMPLETE"
    colleague.delete(bay)
    colleague.wait_until_gone(bay)
