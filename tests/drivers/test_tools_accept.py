# SPDX-License-Identifier: Apache-2.0
"""What nodes run, judged by a shell and by what checks scripts."""

import pathlib
import shutil
import subprocess
import sys

import pytest

from magnum.drivers import user_data

SCRIPTS = sorted((pathlib.Path(user_data.__file__).parent / "scripts").rglob("*.sh"))
ROOT = pathlib.Path(__file__).parents[2]
SHELLCHECK = (
    shutil.which("shellcheck", path=f"{pathlib.Path(sys.executable).parent}:/usr/bin") or ""
)

each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
needs_shellcheck = pytest.mark.skipif(not SHELLCHECK, reason="needs shellcheck")


@needs_shellcheck
@each_script
def test_shellcheck_finds_nothing(script):
    subprocess.run(
        [SHELLCHECK, "--external-sources", "--severity=style", "--shell=sh", script],
        cwd=ROOT,
        check=True,
    )


@needs_shellcheck
def test_shellcheck_finds_a_bashism(tmp_path):
    script = tmp_path / "step.sh"
    script.write_text('#!/bin/sh\n[[ "$1" == a ]]\n')
    assert subprocess.run([SHELLCHECK, script], check=False, capture_output=True).returncode == 1


@each_script
def test_a_posix_shell_can_parse_it(script):
    subprocess.run(["sh", "-n", script], check=True)
