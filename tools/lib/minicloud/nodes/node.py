# SPDX-License-Identifier: Apache-2.0
"""One node of the stand-in: from user data to its signal."""

import pathlib
import secrets
import shutil
import string
import subprocess
import time
from collections.abc import Callable

from minicloud.nodes import room, steps, userdata
from minicloud.nodes.room import RoomError
from minicloud.nodes.steps import StepError
from minicloud.nodes.userdata import UserDataError

CERTIFICATES = "certificates"
SWARM_INIT = "swarm_init"
MANAGER_TOKEN = "run/magnum/manager-token"
_SIGNAL_TRIES = 5
_BASE36 = string.digits + string.ascii_lowercase


def swarm_token() -> str:
    """Return a join token of the form that Docker's swarm mode gives out."""
    digits = "".join(secrets.choice(_BASE36) for _ in range(75))
    return f"SWMTKN-1-{digits[:50]}-{digits[50:]}"


class Node:
    """Plays one server's node once. The scratch folder remembers how it ended."""

    def __init__(self, scratch: pathlib.Path, name: str, log: Callable[[str], None]) -> None:
        self._scratch = scratch
        self._root = scratch / "root"
        self._name = name
        self._log = lambda text: log(f"{name}: {text}")

    @property
    def finished(self) -> bool:
        """Whether this node has signalled, or is none of ours; also before a restart."""
        return (self._scratch / "outcome").exists()

    def remove(self) -> None:
        """Forget the node; its server is gone."""
        shutil.rmtree(self._scratch, ignore_errors=True)

    def play(self, user_data: bytes, fail: bool) -> None:
        """Do what the node would do, and signal.

        :param fail: signal FAILURE whatever happens.
        """
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._root.mkdir(parents=True, mode=0o700)
        config = self._read(user_data)
        if config is None:
            return
        try:
            userdata.write_files(config, self._root)
            if fail:
                raise StepError("nodes: asked to fail")
            userdata.check(config)
            self._run_steps()
        except (UserDataError, StepError) as error:
            self._signal("FAILURE", str(error))
        else:
            self._signal("SUCCESS", f"{self._name} is ready")

    def _read(self, user_data: bytes) -> dict | None:
        try:
            config = userdata.cloud_config(user_data, self._scratch / "cloud")
        except Exception as error:  # noqa: BLE001 - a stranger's user data may hold anything
            self._log(f"user data that cloud-init cannot read: {error}")
            config = {}
        if userdata.is_ours(config):
            return config
        self._log("left alone: its user data is not ours")
        self._end("left alone")
        return None

    def _run_steps(self) -> None:
        found = steps.read_steps(self._root)
        steps.check_inputs(self._root, found)
        for step in found:
            self._parse(step.name)
            if step.name == CERTIFICATES:
                self._in_room(step.name, f"/opt/magnum/bin/{step.name}.sh")
                self._log("certificates: done")
            elif step.name == SWARM_INIT:
                self._hand_out_tokens()

    def _parse(self, step: str) -> None:
        """See that a step's script is one; nothing of it runs, so that it needs no room."""
        script = self._root / "opt/magnum/bin" / f"{step}.sh"
        done = subprocess.run(
            ["sh", "-n", script], capture_output=True, text=True, errors="replace", check=False
        )
        if done.returncode:
            raise StepError(f"{step}: {done.stderr.strip()}")

    def _hand_out_tokens(self) -> None:
        """Do what `swarm_init` does, without Docker.

        The workers' token goes with the node's own signal; the managers', if there is somebody
        to have it, to a wait condition of its own.
        """
        folder = self._root / "run/magnum"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "signal-data").write_text(swarm_token())
        handle = steps.read_env(self._root).get("TOKEN_SIGNAL")
        if handle:
            (self._root / MANAGER_TOKEN).write_text(swarm_token())
            self._in_room(
                SWARM_INIT,
                "/opt/magnum/bin/signal",
                "SUCCESS",
                "token for managers",
                handle,
                f"/{MANAGER_TOKEN}",
            )
            (self._root / MANAGER_TOKEN).unlink()
            self._log("swarm_init: token for managers signalled")

    def _in_room(self, step: str, *command: str) -> None:
        try:
            room.run(self._scratch, *command)
        except RoomError as error:
            raise StepError(f"{step}: {error}") from error

    def _signal(self, status: str, reason: str) -> None:
        for attempt in range(_SIGNAL_TRIES):
            try:
                room.run(self._scratch, "/opt/magnum/bin/signal", status, reason)
            except RoomError as error:
                self._log(f"cannot signal {status}: {error}")
                time.sleep(attempt + 1)
            else:
                self._log(f"signalled {status}: {reason}")
                break
        self._end(f"{status} {reason}")

    def _end(self, outcome: str) -> None:
        (self._scratch / "outcome").write_text(outcome + "\n")
