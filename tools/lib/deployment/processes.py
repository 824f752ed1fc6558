# SPDX-License-Identifier: Apache-2.0
"""A service as a child process, with its log."""

import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Callable, Sequence

PATIENCE = 60  # seconds to become ready on a busy machine
STOPPING = 20  # seconds for an orderly end


class ServiceFailed(Exception):
    """A service did not start or ended by itself; the text has the end of its log."""


def tail(log: pathlib.Path, lines: int = 15) -> str:
    """Return the end of a log."""
    text = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(text[-lines:])


class Process:
    """One running service.

    :ivar log: everything it wrote, of all its lives.
    """

    def __init__(self, name: str, command: Sequence[str], folder: pathlib.Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._asked = False
        environment = {name: value for name, value in os.environ.items() if name[:3] != "OS_"}
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(
                command,
                cwd=folder,  # not the checkout, whose magnum/ would hide the installed one
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.poll() is None

    def wait_until(self, ready: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Wait for it to serve.

        :raises ServiceFailed: it ended, or is not ready in time.
        """
        deadline = time.monotonic() + patience
        while not ready():
            if not self.running:
                raise ServiceFailed(f"{self.name} ended by itself; {self.log}:\n{tail(self.log)}")
            if time.monotonic() > deadline:
                raise ServiceFailed(
                    f"{self.name} is not ready after {patience:.0f} s; {self.log}:\n"
                    f"{tail(self.log)}"
                )
            time.sleep(0.2)

    def family(self) -> list[int]:
        """Return its pid and those of its workers."""
        found, new = [], [self.pid] if self.running else []
        while new:
            found += new
            new = [child for pid in new for child in _children(pid)]
        return found

    def ask_to_stop(self) -> None:
        """Have it begin to end in an orderly way; asked once, for twice may mean haste."""
        if self.running and not self._asked:
            self._asked = True
            self._child.terminate()

    def stop(self) -> int:
        """End it in an orderly way, in the end by force; returns its exit status."""
        self.ask_to_stop()
        if self.running:
            try:
                self._child.wait(STOPPING)
            except subprocess.TimeoutExpired:
                self.kill()
        return self._child.wait()

    def kill(self) -> None:
        """End it and its workers at once, as a power cut would."""
        if self.running:
            os.killpg(self.pid, signal.SIGKILL)
            self._child.wait()

    def leave(self) -> None:
        """Let it live on when we end."""
        self._child.returncode = 0  # silences the warning about a child that was not waited for


def _children(pid: int) -> list[int]:
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    try:
        return [int(word) for word in path.read_text().split()]
    except OSError:
        return []
