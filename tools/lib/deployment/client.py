# SPDX-License-Identifier: Apache-2.0
"""An unmodified client at its command line, as one user."""

import os
import pathlib
import subprocess
from typing import Any

from deployment.cloud import Cloud, User


class ClientFailed(Exception):
    """A command of a client ended with an error; the text is what it printed."""


def credentials(cloud: Cloud, user: User) -> dict[str, str]:
    """Return what a user would export; clients of 2016 want the project as a tenant."""
    return {
        "OS_AUTH_URL": cloud.auth_url,
        "OS_USERNAME": user.name,
        "OS_PASSWORD": user.password,
        "OS_TENANT_NAME": user.project,
        "OS_PROJECT_NAME": user.project,
        "OS_USER_DOMAIN_ID": "default",
        "OS_PROJECT_DOMAIN_ID": "default",
        "OS_USER_DOMAIN_NAME": "Default",
        "OS_PROJECT_DOMAIN_NAME": "Default",
        "OS_REGION_NAME": str(cloud.facts["region"]),
        "OS_IDENTITY_API_VERSION": "3",
    }


def table(printed: str) -> dict[str, str]:
    """Read a table of two columns, property and value."""
    rows = [line.split("|")[1:3] for line in printed.splitlines() if line.startswith("|")]
    return {row[0].strip(): row[1].strip() for row in rows[1:] if len(row) == 2}


def rows(printed: str) -> list[dict[str, str]]:
    """Read a table with one thing a line, by its headings."""
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in printed.splitlines()
        if line.startswith("|")
    ]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


class Client:
    """The program `magnum` of one version.

    :param program: where it is installed.
    """

    def __init__(self, program: pathlib.Path, cloud: Cloud, user: User) -> None:
        self._program = program
        kept = {
            name: os.environ[name]
            for name in ("PATH", "HOME", "LANG", "SHELL")
            if name in os.environ
        }
        # A user at a terminal has this one; `bay-config` fails without.
        self._environment = {"SHELL": "/bin/sh"} | kept | credentials(cloud, user)

    def run(self, *words: Any) -> str:
        """Run one command and return what it prints on standard output.

        :raises ClientFailed: it ended with an error.
        """
        command = [str(self._program), *map(str, words)]
        done = subprocess.run(
            command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            said = (done.stdout + done.stderr).strip()
            raise ClientFailed(f"magnum {' '.join(command[1:])}: {said}")
        return done.stdout
