# SPDX-License-Identifier: Apache-2.0
"""How a stage of `tools/test` runs: in front, or beside another one that mostly waits.

Works with the standard library alone; `testrun` uses it.
"""

import contextlib
import dataclasses
import io
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Generic, TypeVar

TICK = 0.2  # seconds between two looks at a command
LOWEST = 19

T = TypeVar("T")


@dataclasses.dataclass
class Manner:
    """How one stage runs.

    :ivar output: where all goes that it prints; None for where we print.
    :ivar humble: whether it has the processors only while nobody else wants them.
    :ivar stopped: set when it is to end at once.
    """

    output: IO[str] | None = None
    humble: bool = False
    stopped: threading.Event = dataclasses.field(default_factory=threading.Event)

    def say(self, text: str) -> None:
        """Print a line among what its commands print."""
        print(text, file=self.output, flush=True)

    def call(
        self, command: Sequence[str], minutes: float, folder: pathlib.Path, env: Mapping[str, str]
    ) -> int:
        """Run a command in its own process group.

        :param minutes: after which it is ended; twice as many when it is humble.
        :returns: its status, or 124 when it was ended.
        """
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output and subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            if self.humble:
                _humble(child.pid)
            return self._wait(child, minutes * (2 if self.humble else 1))
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()

    def _wait(self, child: "subprocess.Popen[bytes]", minutes: float) -> int:
        deadline = time.monotonic() + minutes * 60
        while (status := child.poll()) is None:
            if time.monotonic() > deadline:
                self.say(f"Not finished after {minutes:.0f} minutes: ending it")
                return 124
            if self.stopped.wait(TICK):
                return 124
        return status


def _humble(pid: int) -> None:
    """Give a process group the lowest priority, also where Linux shares out time by sessions."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PGRP, pid, LOWEST)
    with contextlib.suppress(OSError):
        pathlib.Path(f"/proc/{pid}/autogroup").write_text(str(LOWEST))


class Beside(Generic[T]):
    """Does work in a thread, one piece after the other, each printed whole when it ends.

    :param work: what is done for each of the things.
    """

    def __init__(self, things: Sequence[T], work: Callable[[T, Manner], None]) -> None:
        self._things = things
        self._work = work
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="beside", daemon=True)

    def __enter__(self) -> None:
        """Begin."""
        self._thread.start()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait for the end of all; after an error, such as an interruption, end it."""
        if kind is not None:
            self._stopped.set()
        try:
            self._thread.join()
        finally:  # interrupted in its turn
            self._stopped.set()
            self._thread.join()

    def _run(self) -> None:
        for thing in self._things:
            if self._stopped.is_set():
                return
            with tempfile.TemporaryFile("w+", errors="replace") as output:
                self._work(thing, Manner(output, humble=True, stopped=self._stopped))
                output.seek(0, io.SEEK_SET)
                print(f"\n{output.read()}", end="", flush=True)
