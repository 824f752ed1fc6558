# SPDX-License-Identifier: Apache-2.0
"""Debian packages for what runs its own services: installed, and never started.

Debian's hook `policy-rc.d` forbids it during the installation, and on a machine with systemd the
new units are disabled for the next boot too.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence

from minicloud import commands

_POLICY = pathlib.Path("/usr/sbin/policy-rc.d")
_LOCK_PATIENCE = 300  # seconds, for another apt on this machine to finish


def _environment() -> dict[str, str]:
    return os.environ | {"DEBIAN_FRONTEND": "noninteractive"}


def apt(log: pathlib.Path, *words: str) -> None:
    """Run apt-get; when another one holds a lock, wait for it."""
    argv = ["apt-get", "-q", "-y", "-o", f"DPkg::Lock::Timeout={_LOCK_PATIENCE}", *words]
    deadline = time.monotonic() + _LOCK_PATIENCE
    while True:
        try:
            return commands.run(argv, log, env=_environment(), outlive=True)
        except commands.CommandError as error:
            # Not every lock of apt's obeys its option.
            if "Could not get lock" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(3)


def missing(names: Sequence[str]) -> list[str]:
    """Return those packages that are not installed."""
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *names],
        capture_output=True,
        text=True,
        check=False,
    )
    installed = {
        line.split()[0] for line in done.stdout.splitlines() if line.endswith(" installed")
    }
    return [name for name in names if name not in installed]


@contextlib.contextmanager
def _no_service_starts(note: pathlib.Path) -> Iterator[None]:
    """Forbid packages to start services; leaves a policy that was there before alone."""
    if not _POLICY.exists():
        note.parent.mkdir(exist_ok=True)
        note.touch()
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
    try:
        yield
    finally:
        withdraw_policy(note)


def withdraw_policy(note: pathlib.Path) -> None:
    """Remove the policy if it is ours; also one that a killed installation left behind."""
    if note.exists():
        _POLICY.unlink(missing_ok=True)
        note.unlink()


def _disable(names: Sequence[str], units: Sequence[str]) -> None:
    """Keep systemd from starting newly installed services at the next boot."""
    if shutil.which("systemctl") is None:
        return
    for unit in units:
        if unit.partition(".")[0] in (*names, "epmd"):
            subprocess.run(["systemctl", "disable", unit], capture_output=True, check=False)


def install(
    names: Sequence[str],
    units: Sequence[str],
    log: pathlib.Path,
    note: pathlib.Path,
    say: Callable[[str], None],
) -> None:
    """Install the packages that are missing.

    :param units: of systemd that come with some of them.
    :param note: the file that tells, while there is one, that the policy is ours.
    :raises CommandError: apt failed; the message holds the end of its log.
    """
    withdraw_policy(note)
    wanted = missing(names)
    if not wanted:
        return
    say(f"installing Debian packages: {' '.join(wanted)}")
    with _no_service_starts(note):
        apt(log, "update")
        try:
            apt(log, "install", "--no-install-recommends", *wanted)
        except commands.CommandError:
            # An installation that was shot half-way must be finished first.
            commands.run(["dpkg", "--configure", "-a"], log, env=_environment(), outlive=True)
            apt(log, "install", "--no-install-recommends", *wanted)
        _disable(wanted, units)
