# SPDX-License-Identifier: Apache-2.0
"""What a microversion changes, and what later ones do not."""

import pytest
import webtest

from magnum.api import versions
from magnum.api.versions import Version
from magnum.api.vocabulary import ALL, BAY, BAYMODEL
from tests import factories

LATER = [Version(1, minor) for minor in range(3, 12)]


def test_what_each_version_of_the_bay_api_brought() -> None:
    known = list(versions.VERSIONS)
    assert [version for version in known if BAY.is_async(version)] == known[1:]
    assert [version for version in known if BAY.takes_rollback(version)] == known[2:]
    assert not any(BAYMODEL.is_async(version) for version in known)


@pytest.mark.parametrize("version", LATER, ids=str)
def test_bays_stay_in_later_versions_as_they_were_in_the_last_of_theirs(version: Version) -> None:
    for vocabulary in ALL:
        for asks in (vocabulary.is_async, vocabulary.takes_rollback):
            assert asks(version) == asks(Version(1, 3))


@pytest.mark.parametrize("asked", ["1.11", "latest"])
def test_bay_api_answers_in_a_later_version_under_its_number(
    api: webtest.TestApp, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    later = dict.fromkeys(LATER, "Something else.")
    monkeypatch.setattr(versions, "VERSIONS", {**later, **versions.VERSIONS})
    monkeypatch.setattr(versions, "MAX", LATER[-1])
    headers = {"OpenStack-API-Version": f"container-infra {asked}"}
    made = api.post_json("/v1/baymodels", {**factories.BAYMODEL, "external_network_id": "public"})
    body = {"baymodel_id": made.json["uuid"]}
    answer = api.post_json("/v1/bays", body, headers=headers, status=202)
    assert answer.json == {"uuid": answer.json["uuid"]}
    assert answer.headers["OpenStack-API-Version"] == "container-infra 1.11"
    patch = f"/v1/bays/{answer.json['uuid']}?rollback=True"
    api.patch_json(patch, [], headers=headers, status=202)
    api.get("/v1/baymodels/detail", headers=headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"OpenStack-API-Version": "container-infra 1.99"},
        {"OpenStack-API-Version": "nonsense"},
        {"X-OpenStack-Magnum-API-Version": "1.99"},
        {"X-OpenStack-Magnum-API-Version": "nonsense"},
    ],
)
def test_refused_version_gets_a_full_element_and_all_headers(
    api: webtest.TestApp, headers: dict[str, str]
) -> None:
    answer = api.get("/v1/bays", headers=headers, status=406)
    (element,) = answer.json["errors"]
    assert element == {
        "request_id": answer.headers["x-openstack-request-id"],
        "code": "magnum.microversion-unsupported",
        "status": 406,
        "title": element["detail"].rstrip("."),
        "detail": element["description"],
        "description": element["detail"],
        "min_version": "1.1",
        "max_version": "1.3",
        "links": [{"rel": "help", "href": versions.HELP}],
    }
    assert answer.headers["OpenStack-API-Maximum-Version"] == "container-infra 1.3"
    assert answer.headers["X-OpenStack-Magnum-API-Maximum-Version"] == "1.3"
