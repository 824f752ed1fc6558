# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import shutil

import pytest

from deployment import cloud
from minicloud import debian
from quality import limits, samples, testrun


def test_limits_name_what_is_too_long(tmp_path: pathlib.Path) -> None:
    long = tmp_path / "long.py"
    body = "".join(f"    x{number} = {number}\n" for number in range(40))
    long.write_text('def f():\n    """Say.\n\n    More.\n    """\n' + body)
    found = list(limits.violations(tmp_path, [long]))
    assert found == ["long.py:1: f has 41 lines, limit 40"]


def test_limits_do_not_count_the_docstring(tmp_path: pathlib.Path) -> None:
    short = tmp_path / "short.py"
    text = "".join(f"    line {number}\n" for number in range(60))
    short.write_text(f'def f():\n    """Say.\n\n{text}    """\n    return 1\n')
    assert list(limits.violations(tmp_path, [short])) == []


def test_samples_are_compared_in_our_part_only() -> None:
    old = "[DEFAULT]\n# From magnum\n#a = 1\n# From oslo.log\n#b = 1\n"
    new = "[DEFAULT]\n# From magnum\n#a = 1\n# From oslo.log\n#b = 2\n"
    assert samples._ours(old) == samples._ours(new)
    assert samples._ours(old) != samples._ours(old.replace("#a = 1", "#a = 2"))


@pytest.mark.parametrize("name", samples.TEXTS)
def test_a_sample_that_was_changed_by_hand_is_stale(
    name: str,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(samples, "NAMES", (name,))
    assert samples.are_current()
    monkeypatch.setattr(samples, "ETC", tmp_path)
    changed = (samples.ROOT / "etc" / "magnum" / name).read_text() + "\n# of my own\n"
    (tmp_path / name).write_text(changed)
    assert not samples.are_current()
    assert name in capsys.readouterr().out


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is installed on a Debian machine where nothing is at first."""
    there: list[str] = []

    def install(names: tuple[str, ...], *_: object) -> None:
        there.extend(names)

    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(debian, "missing", lambda names: [n for n in names if n not in there])
    monkeypatch.setattr(debian, "install", install)
    return there


def test_stage_installs_its_packages_as_root(
    installed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert testrun._have_packages(("postgresql",))
    assert installed == ["postgresql"]


def test_stage_says_what_is_missing_to_who_may_not_install(
    installed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    assert not testrun._have_packages(("mariadb-server-core", "postgresql"))
    assert capsys.readouterr().out == "Please install: mariadb-server-core postgresql\n"
    assert installed == []


def test_run_that_is_to_prove_all_may_skip_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = testrun.Outcome(testrun.STAGES[0], passed=3, skipped=1)
    monkeypatch.delenv("CI", raising=False)
    assert outcome.ok
    monkeypatch.setenv("CI", "true")
    assert not outcome.ok
    assert testrun.Outcome(testrun.STAGES[0], passed=3).ok


class RisingCloud:
    """A mini cloud that is up as soon as somebody waits for it; tells so in a diary."""

    def __init__(self, diary: list[str]) -> None:
        self._diary = diary

    def wait(self) -> testrun.Outcome:
        self._diary.append("cloud is up")
        return testrun.Outcome(testrun.CLOUD, passed=1)

    def end(self) -> None:
        self._diary.append("cloud rises no more")


@pytest.fixture
def diary(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a run of stages does, none of which does anything."""
    told: list[str] = []

    def run(stage: testrun.Stage, *_: object) -> testrun.Outcome:
        told.append(stage.name)
        return testrun.Outcome(stage, passed=1)

    monkeypatch.setattr(testrun, "_RisingCloud", lambda: RisingCloud(told))
    monkeypatch.setattr(testrun, "run", run)
    monkeypatch.setattr(cloud, "is_up", lambda prefix: False)
    monkeypatch.setattr(cloud, "down", lambda prefix: told.append("cloud is down"))
    return told


def stage(name: str, *, cloud: bool = False, packages: tuple[str, ...] = ()) -> testrun.Stage:
    return testrun.Stage(name, "", None, 1, cloud=cloud, packages=packages)


def test_cloud_comes_up_beside_the_stages_that_install_nothing(diary: list[str]) -> None:
    stages = [stage("plain"), stage("installs", packages=("p",)), stage("wants", cloud=True)]
    outcomes = testrun.run_all(stages, pathlib.Path("python"), [])
    assert diary == ["plain", "cloud is up", "installs", "wants", "cloud is down"]
    assert [one.stage.name for one in outcomes] == ["plain", "cloud", "installs", "wants"]


def test_cloud_is_left_alone_where_no_stage_wants_it(diary: list[str]) -> None:
    testrun.run_all([stage("plain"), stage("installs", packages=("p",))], pathlib.Path("p"), [])
    assert diary == ["plain", "installs"]


def test_cloud_that_still_rises_when_all_is_interrupted_is_ended(
    diary: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> testrun.Outcome:
        raise KeyboardInterrupt

    monkeypatch.setattr(testrun, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        testrun.run_all([stage("plain"), stage("wants", cloud=True)], pathlib.Path("p"), [])
    assert diary == ["cloud rises no more", "cloud is down"]
