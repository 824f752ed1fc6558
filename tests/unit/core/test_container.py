# SPDX-License-Identifier: Apache-2.0
"""Docker's own rules for what describes a container."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from magnum.core import container, errors
from magnum.core.container import Image, Place, Seen


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("512m", 512 * 2**20),
        ("512M", 512 * 2**20),
        ("1g", 2**30),
        ("1.5g", 3 * 2**29),
        ("6m", 6 * 2**20),
        ("8192k", 8 * 2**20),
        ("8388608", 8 * 2**20),
        ("8388608b", 8 * 2**20),
        ("64 MB", 64 * 2**20),
        ("64MiB", 64 * 2**20),
    ],
)
def test_memory_is_read_as_docker_does(text: str, amount: int) -> None:
    assert container.parse_memory(text) == amount


@pytest.mark.parametrize(
    "text",
    ["", "m", "-1m", "512x", "512mm", "5m", "6291455", "0", "1e9", "1,5g", " 64m", "9999999p",
     "٦m", "99999999999999999999"],
)  # fmt: skip
def test_memory_that_no_engine_takes_is_refused(text: str) -> None:
    with pytest.raises(errors.InvalidField, match=r"^memory is .* of at least 6 MiB"):
        container.parse_memory(text)


@pytest.mark.parametrize(
    ("text", "repository", "version"),
    [
        ("busybox", "busybox", "latest"),
        ("busybox:1.36", "busybox", "1.36"),
        ("library/busybox", "library/busybox", "latest"),
        ("10.0.0.2:5000/img", "10.0.0.2:5000/img", "latest"),
        ("registry.example:5000/team/app:v1", "registry.example:5000/team/app", "v1"),
        ("app@sha256:" + "a" * 64, "app", "sha256:" + "a" * 64),
        ("app:1@sha256:" + "a" * 64, "app", "sha256:" + "a" * 64),
    ],
)
def test_image_is_split_where_its_tag_begins(text: str, repository: str, version: str) -> None:
    assert container.parse_image(text) == Image(repository, version)


@pytest.mark.parametrize(
    "text", ["", "Busybox", "a b", "a:", ":1", "a/", "/a", "a//b", "a:b:c", "a@b", "-a", "a\n"]
)
def test_image_that_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(errors.InvalidField, match=r"^image is "):
        container.parse_image(text)


def test_reference_of_an_image_has_its_tag_or_digest() -> None:
    assert Image("a", "1").reference == "a:1"
    assert Image("a", "sha256:0f").reference == "a@sha256:0f"


def test_command_is_split_as_a_shell_does() -> None:
    assert container.split_command("sh -c 'echo \"a  b\"'") == ("sh", "-c", 'echo "a  b"')
    assert container.split_command(None) == ()


def test_command_with_an_open_quotation_mark_is_refused() -> None:
    with pytest.raises(errors.InvalidField, match="close every quotation mark"):
        container.split_command("echo 'a")


@pytest.mark.parametrize("name", ["", "A=B"])
def test_variable_that_no_engine_takes_is_refused(name: str) -> None:
    with pytest.raises(errors.InvalidField, match=r"^environment is "):
        container.check_environment({"PATH": "/bin", name: "x"})


def test_value_in_the_name_of_a_variable_is_not_shown() -> None:
    with pytest.raises(errors.InvalidField, match=r"^environment is 'PASSWORD=' but must"):
        container.check_environment({"PASSWORD=hunter2": ""})


def row(uuid: str, **values: Any) -> SimpleNamespace:
    """A row of the table, of what is made and well."""
    placed = {"cluster_id": "b1", "host": "10.0.0.2", "host_id": "n2", "docker_id": f"d-{uuid}"}
    seen = {"status": "Running", "status_reason": None}
    return SimpleNamespace(uuid=uuid, **{**placed, **seen, **values})


def test_each_engine_is_a_place_once_with_what_is_made_there() -> None:
    rows = [
        row("c1"),
        row("c2", host="10.0.0.3", host_id="n3"),
        row("c3", status="Error", status_reason="It could not be started."),
        row("c4", docker_id=None),
        row("c5", cluster_id="b2", host=None, host_id=None),
    ]
    assert container.places(rows) == [
        Place(
            "b1",
            "10.0.0.2",
            "n2",
            {"c1": "d-c1", "c3": "d-c3"},
            {"c3": "It could not be started."},
        ),
        Place("b1", "10.0.0.3", "n3", {"c2": "d-c2"}),
        Place("b2", "", None, {"c5": "d-c5"}),
    ]


def test_states_are_told_once_and_known_of_each() -> None:
    seen = {"c1": Seen("Running"), "c2": Seen("Error", "It is gone."), "c3": Seen("Running")}
    groups = container.group(seen)
    assert groups == [("Running", None, ["c1", "c3"]), ("Error", "It is gone.", ["c2"])]
    assert container.ungroup(json.loads(json.dumps(groups))) == seen
