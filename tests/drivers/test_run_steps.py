# SPDX-License-Identifier: Apache-2.0
"""How a node goes through its steps and tells of it: the script and a real shell in a sandbox."""

import pytest

from tests.drivers.sandbox import Sandbox


@pytest.fixture
def node(tmp_path):
    node = Sandbox(tmp_path)
    node.step_stub("signal", "")
    return node


def _steps(node, *names):
    (node.root / "etc/magnum/steps").write_text("".join(f"{name}\n" for name in names))


def test_run_steps_runs_all_in_order_and_signals_once(node):
    _steps(node, "b", "a")
    for name in "ab":
        node.step_stub(f"{name}.sh", "echo words")
    for _ in range(2):
        assert node.run("run-steps").returncode == 0
    assert node.calls == ["b.sh ", "a.sh ", "signal SUCCESS all steps done", "b.sh ", "a.sh "]
    assert node.mode("/var/log/magnum-node.log") == 0o600
    assert "words" in node.read("/var/log/magnum-node.log")


def test_run_steps_when_a_step_fails_signals_its_last_words(node):
    _steps(node, "a", "b")
    node.step_stub("a.sh", "seq 1000; echo last words >&2; exit 3")
    node.step_stub("b.sh", "")
    found = node.run("run-steps")
    assert found.returncode == 1
    assert "last words" not in found.stdout  # the console is for everyone in the project
    assert node.calls == ["a.sh ", "signal FAILURE a: 998 999 1000 last words "]


def test_run_steps_signals_the_very_last_words_even_after_very_long_ones(node):
    _steps(node, "a")
    node.step_stub("a.sh", "for _ in 1 2 3; do seq -s, 200; done; echo last words; exit 3")
    node.run("run-steps")
    (signal,) = (call for call in node.calls if call.startswith("signal "))
    assert signal.endswith(",199,200 last words ")
    assert len(signal) < 650


def test_run_steps_when_the_signal_fails_tries_again_next_time(node):
    _steps(node)
    node.step_stub("signal", "exit 1")
    assert node.run("run-steps").returncode == 1
    node.step_stub("signal", "")
    assert node.run("run-steps").returncode == 0
    assert node.calls == ["signal SUCCESS all steps done"] * 2
