# SPDX-License-Identifier: Apache-2.0
"""What the demo shows: headings, commands with their output, lines of progress."""

import shlex
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path


class DemoFailed(Exception):
    """The demo cannot go on; the text is the reason."""


def _without_dots(text: str) -> str:
    """Leave out the lines of dots with which openssl shows that it looks for primes."""
    return "".join(line for line in text.splitlines(True) if line.strip(".+*-\n"))


class Terminal:
    """Shows the demo on standard output, and runs the commands that it shows.

    :ivar seconds: how long each chapter took, for the summary.
    """

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._chapter: tuple[str, float] | None = None
        self.seconds: list[tuple[str, float]] = []

    def chapter(self, title: str) -> None:
        """Begin a part of the demo, and end the one before."""
        self.close()
        self._chapter = (title, time.monotonic())
        print(f"\n=== {title}", flush=True)

    def close(self) -> None:
        """End the last part."""
        if self._chapter:
            title, began = self._chapter
            self.seconds.append((title, time.monotonic() - began))
            self._chapter = None

    def say(self, text: str) -> None:
        """Print a line with the time since the demo began."""
        print(f"[{time.monotonic() - self._began:6.1f}s] {text}", flush=True)

    def run(
        self, words: Sequence[str], folder: Path, env: dict[str, str], into: str | None = None
    ) -> str:
        """Show a command, run it, show its output.

        :param env: the whole environment.
        :param into: a file in `folder` that gets the standard output as well.
        :returns: its standard output.
        :raises DemoFailed: it ended with an error.
        """
        name = Path(words[0]).name
        shown = shlex.join([name, *words[1:]]) + (f" > {into}" if into else "")
        print(f"\n$ {shown}", flush=True)
        done = subprocess.run(
            words,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        print((done.stdout + _without_dots(done.stderr)).rstrip(), flush=True)
        if done.returncode:
            raise DemoFailed(f"`{shown}` ended with status {done.returncode}")
        if into:
            (folder / into).write_text(done.stdout)
        return done.stdout

    def summary(self) -> None:
        """Print how long each part took."""
        self.close()
        print("\nseconds")
        for title, seconds in self.seconds:
            print(f"{seconds:7.1f}  {title}")
