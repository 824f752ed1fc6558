# SPDX-License-Identifier: Apache-2.0
"""The rules in code, and an operator's files over them."""

import logging
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from oslo_config import cfg
from oslo_policy import opts

from magnum import policies
from magnum.context import RequestContext
from magnum.core import errors
from magnum.policy import Enforcer, Malformed

OF_2016 = """
    context_is_admin admin_or_owner admin_or_user default admin_api
    bay:create bay:delete bay:detail bay:get bay:get_all bay:update
    baymodel:create baymodel:delete baymodel:detail baymodel:get baymodel:get_all baymodel:update
    baymodel:publish certificate:create certificate:get magnum-service:get_all
    cluster:create cluster:delete cluster:detail cluster:get cluster:get_all cluster:update
    clustertemplate:create clustertemplate:delete clustertemplate:detail clustertemplate:get
    clustertemplate:get_all clustertemplate:update clustertemplate:publish
"""
ACROSS_PROJECTS = [
    f"{noun}:{action}_all_projects"
    for noun in ("cluster", "clustertemplate", "bay", "baymodel")
    for action in ("get_one", "get_all", "detail", "update", "delete")
]

OWN = {"project_id": "blue", "user_id": "alice"}
MEMBER = RequestContext(project_id="blue", user_id="alice", roles=["member"])
ADMIN = RequestContext(project_id="red", user_id="root", roles=["admin"])

Write = Callable[[str], None]
Make = Callable[[], Enforcer]


@pytest.fixture
def file(conf: cfg.ConfigOpts, tmp_path: pathlib.Path) -> pathlib.Path:
    opts.set_defaults(conf)
    path = tmp_path / "policy.yaml"
    conf.set_override("policy_file", str(path), "oslo_policy")
    conf.set_override("policy_dirs", [str(tmp_path / "policy.d")], "oslo_policy")
    return path


@pytest.fixture
def write(file: pathlib.Path) -> Write:
    """Replace the file, as editors and configuration managers do."""

    def do(text: str) -> None:
        new = file.with_suffix(".new")
        new.write_text(text)
        new.replace(file)

    return do


@pytest.fixture
def make(conf: cfg.ConfigOpts, file: pathlib.Path) -> Make:
    return lambda: Enforcer(conf, policies.list_rules(), look_seconds=0)


@pytest.mark.parametrize("name", [*OF_2016.split(), *ACROSS_PROJECTS])
def test_every_rule_of_both_ages_exists(name: str) -> None:
    assert name in {rule.name for rule in policies.list_rules()}


@pytest.mark.parametrize("name", ACROSS_PROJECTS)
def test_only_administrators_reach_across_projects(make: Make, name: str) -> None:
    assert make().allows(ADMIN, name, OWN)
    assert not make().allows(MEMBER, name, OWN)


@pytest.mark.parametrize("name", ["bay:get", "cluster:get"])
def test_either_name_denies(make: Make, write: Write, name: str) -> None:
    write(f'"{name}": "!"')
    with pytest.raises(errors.Forbidden, match="bay:get"):
        make().check(MEMBER, "bay:get", OWN)
    assert make().allows(MEMBER, "bay:get_all", OWN)


@pytest.mark.parametrize("name", ["bay:get", "cluster:get"])
def test_either_name_permits(make: Make, write: Write, name: str) -> None:
    theirs = {"project_id": "green", "user_id": "carol"}
    assert not make().allows(MEMBER, "bay:get", theirs)
    write(f'"{name}": "@"')
    assert make().allows(MEMBER, "bay:get", theirs)


def test_the_name_that_is_asked_prevails(make: Make, write: Write) -> None:
    write('"bay:get": "@"\n"cluster:get": "!"')
    assert make().allows(MEMBER, "bay:get", OWN)


@pytest.mark.parametrize("name", ["bay:get", "cluster:update", "baymodel:delete"])
def test_the_default_is_what_plain_rules_stand_for(make: Make, write: Write, name: str) -> None:
    write('"default": "role:admin"')
    assert not make().allows(MEMBER, name, OWN)
    assert make().allows(ADMIN, name, OWN)


def test_the_default_stands_in_for_a_rule_that_is_not_there(
    make: Make, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    write('"bay:get": "rule:nowhere"\n"default": "role:admin"')
    assert not make().allows(MEMBER, "bay:get", OWN)
    assert make().allows(ADMIN, "bay:get", OWN)
    assert "bay:get" in caplog.text


def test_the_folder_prevails_over_the_file(
    make: Make, write: Write, file: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    folder = tmp_path / "policy.d"
    folder.mkdir()
    write('"bay:get": "!"\n"bay:delete": "!"')
    (folder / "10-first.yaml").write_text('"bay:get": "role:admin"')
    (folder / "20-then.yaml").write_text('"bay:get": "@"')
    (folder / ".30-hidden.yaml").write_text('"bay:get": "!"')
    assert make().allows(MEMBER, "bay:get", OWN)
    assert not make().allows(MEMBER, "bay:delete", OWN)


MALFORMED = {
    "no YAML": '"bay:get": "!',
    "a list": "- bay:get",
    "a text": "bay:get",
    "no check, which oslo.policy takes for yes": '"bay:get":',
    "a number": '"bay:get": 1',
    "a circle": '"bay:get": "rule:cluster:get"\n"cluster:get": "rule:bay:get"',
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_nothing_starts_with_a_malformed_file(make: Make, write: Write, text: str) -> None:
    write(text)
    with pytest.raises(Malformed, match=r"policy\.yaml|bay:get"):
        make()


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_file_that_becomes_malformed_changes_nothing_and_is_told_of_once(
    make: Make, write: Write, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    write('"bay:get": "role:admin"')
    enforcer = make()
    write(text)
    with caplog.at_level(logging.ERROR, logger="magnum.policy"):
        for _ in range(3):
            assert not enforcer.allows(MEMBER, "bay:get", OWN)
            assert enforcer.allows(ADMIN, "bay:get", OWN)
    assert caplog.text.count("The policy stays as it was") == 1
    write('"bay:get": "@"')
    assert enforcer.allows(MEMBER, "bay:get", OWN)


def test_a_rule_that_is_no_rule_denies(make: Make, write: Write) -> None:
    write('"bay:get": "role:member andd"')
    assert not make().allows(MEMBER, "bay:get", OWN)


def test_a_changed_file_counts_and_a_removed_one_does_not(
    make: Make, write: Write, file: pathlib.Path
) -> None:
    enforcer = make()
    assert enforcer.allows(MEMBER, "bay:get", OWN)
    write('"bay:get": "!"')
    assert not enforcer.allows(MEMBER, "bay:get", OWN)
    file.unlink()
    assert enforcer.allows(MEMBER, "bay:get", OWN)


def test_files_are_not_looked_at_with_each_call(
    conf: cfg.ConfigOpts, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    enforcer = Enforcer(conf, policies.list_rules(), look_seconds=1.0)
    write('"bay:get": "!"')
    now += 0.9
    assert enforcer.allows(MEMBER, "bay:get", OWN)
    now += 0.1
    assert not enforcer.allows(MEMBER, "bay:get", OWN)


def test_rules_in_use_are_never_changed(make: Make, write: Write) -> None:
    """A thread that has begun to ask ends with the rules that it began with."""
    enforcer = make()
    before: Any = enforcer._rules
    names = set(before.rules)
    write('"bay:get": "!"')
    assert not enforcer.allows(MEMBER, "bay:get", OWN)
    assert set(before.rules) == names
    assert before.authorize("bay:get", OWN, MEMBER.to_policy_values())


@pytest.fixture
def folder(conf: cfg.ConfigOpts, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A directory of the configuration, with the options as they are by default."""
    monkeypatch.setenv("HOME", str(tmp_path))
    opts.set_defaults(conf)
    folder = tmp_path / ".magnum"
    folder.mkdir()
    return folder


def test_a_policy_json_is_found_where_the_configuration_is(
    conf: cfg.ConfigOpts, folder: pathlib.Path
) -> None:
    def deletes() -> bool:
        return Enforcer(conf, policies.list_rules()).allows(MEMBER, "bay:delete", OWN)

    assert deletes()
    (folder / "policy.json").write_text("{}")
    assert deletes()
    (folder / "policy.json").write_text('{"bay:delete": "role:admin"}')
    assert not deletes()


def test_of_two_files_the_one_of_todays_name_counts_and_the_other_is_told_of(
    conf: cfg.ConfigOpts, folder: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "policy.json").write_text('{"bay:delete": "!"}')
    Enforcer(conf, policies.list_rules())
    assert not caplog.text
    (folder / "policy.yaml").write_text('"bay:get": "!"')
    enforcer = Enforcer(conf, policies.list_rules())
    assert enforcer.allows(MEMBER, "bay:delete", OWN)
    assert not enforcer.allows(MEMBER, "bay:get", OWN)
    assert caplog.text.count("policy.json is not read") == 1


def test_a_file_that_is_configured_counts_alone(
    conf: cfg.ConfigOpts, folder: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "policy.json").write_text('{"bay:delete": "!"}')
    (folder / "policy.yaml").write_text('"bay:get": "!"')
    conf.set_override("policy_file", "policy.json", "oslo_policy")
    enforcer = Enforcer(conf, policies.list_rules())
    assert not enforcer.allows(MEMBER, "bay:delete", OWN)
    assert enforcer.allows(MEMBER, "bay:get", OWN)
    assert not caplog.text
