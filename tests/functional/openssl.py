# SPDX-License-Identifier: Apache-2.0
"""What a user does with openssl."""

import pathlib
import subprocess


def run(*words: str, folder: pathlib.Path) -> str:
    """Run openssl in a folder and return what it prints."""
    done = subprocess.run(
        ["openssl", *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def make_request(folder: pathlib.Path, common_name: str) -> pathlib.Path:
    """Make a key (key.pem) and a request for a certificate, and return the request's file."""
    run(
        *("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem"),
        *("-subj", f"/CN={common_name}", "-out", "request.pem"),
        folder=folder,
    )
    return folder / "request.pem"
