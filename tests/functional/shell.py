# SPDX-License-Identifier: Apache-2.0
"""A user at a shell, who types one command after the other."""

import pathlib
import subprocess
import threading
from collections.abc import Callable, Mapping

from deployment.cloud import User
from tests import documented
from tests.documented import Command
from tests.functional.bays import PATIENCE

MARK = "--- the command ended with"


class Shell:
    """A bash in one folder: variables and directory last from command to command.

    :param environment: all there is in it at first.
    """

    def __init__(self, folder: pathlib.Path, environment: Mapping[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: str, patience: float) -> tuple[int, str]:
        """Run one command; return its status and what it printed.

        :param patience: seconds after which the shell is ended.
        """
        stdin, stdout = self._bash.stdin, self._bash.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{{ {command}\n}} < /dev/null\nprintf '\\n%s %s\\n' '{MARK}' $?\n")
        stdin.flush()
        timer = threading.Timer(patience, self._bash.kill)
        timer.start()
        printed: list[str] = []
        try:
            for line in stdout:
                if line.startswith(MARK):
                    return int(line.removeprefix(MARK)), "".join(printed)
                printed.append(line)
        finally:
            timer.cancel()
        raise AssertionError(f"the shell has ended in: {command}\n{''.join(printed)}")

    def follow(self, command: Command, patience: float) -> None:
        """Run a documented command and see that it prints what the page says."""
        status, output = self.run(command.text, patience)
        assert status == 0, f"{command.text}\nended with {status}:\n{output}"
        for wanted in command.printed:
            assert documented.is_printed(wanted, output), (
                f"{command.text}\nshould print {wanted!r} and printed:\n{output}"
            )

    def close(self) -> None:
        """End it."""
        if self._bash.stdin:
            self._bash.stdin.close()
        self._bash.wait(30)
        if self._bash.stdout:
            self._bash.stdout.close()


Open = Callable[[User, str, Mapping[str, str]], Shell]
"""Opens a shell as a user, with the programs of one client and more variables."""


def follow(page: str, shell: Shell, without: str = "") -> None:
    """Type all that a page says is run, block by block."""
    blocks = [
        block
        for block in documented.blocks(documented.SOURCE / page, "console")
        if "run" in block.classes and without not in block.classes
    ]
    assert blocks
    for block in blocks:
        for command in documented.commands(block):
            shell.follow(command, PATIENCE)
