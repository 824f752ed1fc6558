# SPDX-License-Identifier: Apache-2.0
"""Characters that not every database can store are stored or refused, never stumbled over."""

import urllib.parse

import pytest
import webtest

from tests import factories, tables

pytestmark = pytest.mark.kinds(*tables.KINDS)

TEXTS = ["name", "fixed_network"]


@pytest.fixture
def is_narrow(database_url: str) -> bool:
    """Whether the database has a character set of three bytes."""
    return "utf8mb3" in database_url


@pytest.mark.parametrize("field", TEXTS)
def test_text_with_an_emoji_is_stored_or_named(
    api: webtest.TestApp, is_narrow: bool, field: str
) -> None:
    sent = {**factories.BAYMODEL, field: "a😀"}
    answer = api.post_json("/v1/baymodels", sent, status=400 if is_narrow else 201)
    if is_narrow:
        expected = f"{field} has a character that the database of this site cannot store"
        assert answer.json["errors"][0]["title"] == expected
    else:
        shown = api.get(f"/v1/baymodels/{urllib.parse.quote(str(sent['name']))}")
        assert shown.json[field] == "a😀"


def test_patch_with_an_emoji_is_stored_or_named(api: webtest.TestApp, is_narrow: bool) -> None:
    api.post_json("/v1/baymodels", factories.BAYMODEL)
    patch = [{"op": "replace", "path": "/name", "value": "😀"}]
    answer = api.patch_json("/v1/baymodels/m", patch, status=400 if is_narrow else 200)
    if is_narrow:
        assert answer.json["errors"][0]["title"].startswith("name has a character")
        assert api.get("/v1/baymodels/m").json["name"] == "m"


@pytest.mark.parametrize("character", ["é", "日", "\uffff", "\u200b"])
def test_shorter_characters_are_stored_everywhere(api: webtest.TestApp, character: str) -> None:
    name = character * 255
    api.post_json("/v1/baymodels", {**factories.BAYMODEL, "name": name})
    shown = api.get(f"/v1/baymodels/{urllib.parse.quote(name)}")
    assert shown.json["name"] == name


def test_labels_are_stored_everywhere(api: webtest.TestApp) -> None:
    api.post_json("/v1/baymodels", {**factories.BAYMODEL, "http_proxy": "x", "name": "e"})
    patch = [{"op": "add", "path": "/labels/rexray_preempt", "value": "false"}]
    assert api.patch_json("/v1/baymodels/e", patch).json["labels"] == {"rexray_preempt": "false"}


@pytest.mark.parametrize("path", ["bays", "baymodels", "certificates"])
def test_emoji_in_a_path_is_a_name_that_nobody_has(api: webtest.TestApp, path: str) -> None:
    api.get(f"/v1/{path}/{urllib.parse.quote('😀')}", status=404)


@pytest.mark.parametrize("query", ["marker=😀", "sort_key=😀", "limit=😀"])
def test_emoji_in_a_query_is_refused(api: webtest.TestApp, query: str) -> None:
    name, value = query.split("=")
    url = f"/v1/bays?{name}={urllib.parse.quote(value)}"
    assert api.get(url, expect_errors=True).status_int in (400, 404)
