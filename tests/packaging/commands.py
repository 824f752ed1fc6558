# SPDX-License-Identifier: Apache-2.0
"""How these tests run programs."""

import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(*command: object, cwd: pathlib.Path) -> str:
    """Run a command and return what it prints; the test fails with its output when it fails."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-4000:]}"
    return done.stdout


def program(name: str) -> str:
    """Return where a program of the host is; the test fails when it is not there."""
    found = shutil.which(name, path=f"{os.environ.get('PATH')}:/usr/sbin")
    assert found, f"{name} is not installed, see bindep.txt"
    return found
