# SPDX-License-Identifier: Apache-2.0
"""Stages of `tools/test` that run beside another one."""

import os
import pathlib
import sys
import threading

import pytest

from deployment import cloud
from quality import testrun
from quality.beside import Beside, Manner
from quality.testrun import Outcome, Stage

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


def call(manner: Manner, *command: str, minutes: float = 1) -> int:
    return manner.call(command, minutes, pathlib.Path.cwd(), os.environ)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def test_command_that_takes_too_long_is_ended(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(Manner(), *SLEEPER, minutes=0) == 124
    assert "Not finished after 0 minutes" in capsys.readouterr().out


def test_command_that_is_stopped_is_ended() -> None:
    manner = Manner()
    threading.Timer(0.2, manner.stopped.set).start()
    assert call(manner, *SLEEPER) == 124


def test_humble_command_has_the_lowest_priority_and_all_it_prints_is_kept(
    tmp_path: pathlib.Path,
) -> None:
    waits = "import os, sys, time\nwhile os.nice(0) < 19: time.sleep(0.01)\n"
    with (tmp_path / "kept").open("w+") as output:
        code = f"{waits}print('said', flush=True)\nprint('told', file=sys.stderr)\nsys.exit(3)"
        assert call(Manner(output, humble=True), *python(code)) == 3
    assert (tmp_path / "kept").read_text().split() == ["said", "told"]


def test_what_runs_beside_is_printed_whole_when_it_ends(
    capsys: pytest.CaptureFixture[str],
) -> None:
    halfway, go = threading.Event(), threading.Event()

    def work(name: str, manner: Manner) -> None:
        manner.say(f"{name} begins")
        halfway.set()
        assert go.wait(10)
        manner.say(f"{name} ends")

    with Beside(["one", "two"], work):
        assert halfway.wait(10)
        assert capsys.readouterr().out == ""
        go.set()

    assert capsys.readouterr().out == "\none begins\none ends\n\ntwo begins\ntwo ends\n"


def test_interruption_ends_what_runs_beside() -> None:
    statuses: list[int] = []
    began = threading.Event()

    def work(_: str, manner: Manner) -> None:
        began.set()
        statuses.append(call(manner, *SLEEPER))

    def interrupted() -> None:
        with Beside(["one", "never"], work):
            assert began.wait(10)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert statuses == [124]


Ran = list[tuple[str, bool]]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Ran:
    """Which stages were run, and whether humbly; `bad` fails, and `mad` breaks the runner."""
    ran: Ran = []

    def run(stage: Stage, _: object, __: object, manner: Manner | None = None) -> Outcome:
        ran.append((stage.name, manner is not None and manner.humble))
        if stage.name == "mad":
            raise SystemExit(2)
        return Outcome(stage, passed=1, failed=int(stage.name == "bad"))

    monkeypatch.setattr(testrun, "run", run)
    monkeypatch.setattr(cloud, "is_up", lambda _: True)
    return ran


def stages(*names: str) -> list[Stage]:
    return [Stage(name, "", None, 1, beside=name != "first") for name in names]


def run_all(*names: str, beside: bool) -> list[Outcome]:
    return testrun.run_all(stages(*names), pathlib.Path(), [], beside)


def test_stages_run_beside_the_last_one_when_asked_to(ran: Ran) -> None:
    outcomes = run_all("first", "light", "last", beside=True)

    assert ran[0] == ("first", False)
    assert sorted(ran[1:]) == [("last", False), ("light", True)]
    assert [one.stage.name for one in outcomes] == ["first", "last", "light"]
    assert testrun.report(outcomes, 1)


def test_stages_run_in_order_when_not_asked_to(ran: Ran) -> None:
    run_all("first", "light", "last", beside=False)

    assert ran == [("first", False), ("light", False), ("last", False)]


# Its traceback is for who reads the output of the runner.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("name", ["bad", "mad"])
def test_failure_beside_the_last_stage_is_a_failure(ran: Ran, name: str) -> None:
    assert not testrun.report(run_all(name, "last", beside=True), 1)
