# SPDX-License-Identifier: Apache-2.0
"""Everything that old clients rely on is held by a test that is there; see ``promises.yaml``."""

import ast
import functools
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from magnum import policies
from magnum.core import states

_HERE = pathlib.Path(__file__).parent
_ROOT = _HERE.parents[1]
PROMISES: dict[str, Any] = yaml.safe_load((_HERE / "promises.yaml").read_text())
TRAPS: dict[int, dict[str, Any]] = PROMISES["traps"]
ALL = [*TRAPS.values(), *PROMISES["errors"], *PROMISES["behaviours"]]
OF_2016 = (
    "CREATE_IN_PROGRESS CREATE_FAILED CREATE_COMPLETE UPDATE_IN_PROGRESS UPDATE_FAILED "
    "UPDATE_COMPLETE DELETE_IN_PROGRESS DELETE_FAILED DELETE_COMPLETE RESUME_COMPLETE "
    "RESTORE_COMPLETE ROLLBACK_COMPLETE SNAPSHOT_COMPLETE CHECK_COMPLETE ADOPT_COMPLETE "
    "ROLLBACK_IN_PROGRESS ROLLBACK_FAILED"
)


@functools.cache
def _stories(name: str) -> frozenset[str]:
    stories = yaml.safe_load((_HERE / "gabbits" / f"{name}.yaml").read_text())["tests"]
    return frozenset(story["name"] for story in stories)


@functools.cache
def _tests(path: str) -> frozenset[str]:
    tree = ast.parse((_ROOT / path).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def _is_there(holder: str) -> bool:
    path, mark, test = holder.partition("::")
    if mark:
        return test in _tests(path)
    name, _, story = holder.partition(": ")
    return story in _stories(name)


def _absent(promise: dict[str, Any]) -> Iterator[str]:
    for holder in promise["held_by"]:
        try:
            found = _is_there(holder)
        except FileNotFoundError:
            found = False
        if not found:
            yield holder


def test_every_trap_is_listed() -> None:
    assert list(TRAPS) == list(range(1, 36))


@pytest.mark.parametrize("promise", ALL, ids=lambda promise: promise["says"][:50])
def test_promise_is_held_or_says_why_not(promise: dict[str, Any]) -> None:
    assert ("elsewhere" in promise) is not ("held_by" in promise)
    if "held_by" in promise:
        assert promise["held_by"]
        assert list(_absent(promise)) == []


def test_no_status_is_seen_that_suites_of_2016_do_not_know() -> None:
    composed = {states.status(action, end) for action in states.Action for end in states.Outcome}
    assert composed | states.ALL <= set(OF_2016.split())


def test_rule_default_is_there_for_what_has_none() -> None:
    rules = {rule.name: rule.check_str for rule in policies.list_rules()}
    assert rules["default"] == "rule:admin_or_owner"
