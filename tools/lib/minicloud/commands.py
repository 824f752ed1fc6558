# SPDX-License-Identifier: Apache-2.0
"""Run a program to its end, its output in a log file.

For the steps of `up` (installing, migrating databases); services are started by `processes.py`.
"""

import ctypes
import pathlib
import signal
import subprocess
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class CommandError(Exception):
    """A program ended with a failure; the text holds the end of its output."""


def _die_with_parent() -> None:
    """Have the kernel end this child when `up` is killed, so that the next `up` works alone."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def tail(path: pathlib.Path, lines: int = 15) -> str:
    """Return the end of a log file, indented."""
    try:
        text = path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return "    (no log)"
    return "\n".join("    " + line for line in text[-lines:])


def run(
    argv: Sequence[str],
    log: pathlib.Path,
    env: dict[str, str] | None = None,
    outlive: bool = False,
) -> None:
    """Run a program and wait for it.

    :param env: its whole environment; ours when None.
    :param outlive: let it finish when `up` is stopped or killed: apt must not be shot in mid-air.
    :raises CommandError: it ended with another status than 0.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        output.write(f"--- {' '.join(argv)[:200]}\n".encode())
        output.flush()
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            start_new_session=outlive,
            preexec_fn=None if outlive else _die_with_parent,  # noqa: PLW1509 - one system call
        )
        status = child.wait()
    if status:
        raise CommandError(f"{argv[0]} failed ({status}); end of {log}:\n{tail(log)}")
