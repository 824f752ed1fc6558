# SPDX-License-Identifier: Apache-2.0
"""A node's scripts in a folder: absolute paths are rewritten, commands that touch the machine are
stand-ins that write down how they were called.  Needs neither root nor a network.

Of the machine's own programs a node has :data:`TOOLS` alone, so that none is touched or asked of
images by accident."""

import pathlib
import shlex
import shutil
import subprocess

from magnum.drivers import user_data

SCRIPTS = pathlib.Path(user_data.__file__).parent / "scripts"
ROOTS = (
    "/opt/magnum",
    "/etc/magnum",
    "/etc/docker",
    "/etc/motd",
    "/etc/systemd",
    "/etc/sysconfig",
    "/dev/disk",
    "/proc/net/route",
    "/run/magnum",
    "/sys/class/net",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/lib/magnum",
    "/var/log/magnum",
)
TOOLS = (
    *("awk", "cat", "chmod", "cp", "cut", "date", "env", "find", "grep", "gzip", "head", "mkdir"),
    *("mktemp", "mv", "od", "printf", "rm", "sed", "seq", "sh", "sha256sum", "tail", "tar", "tr"),
)
"""What every image has, besides systemd."""


class Sandbox:
    """A node below a folder."""

    def __init__(self, root: pathlib.Path, **variables: str) -> None:
        self.root = root
        self.calls_file = root / "calls"
        self._bin = root / "bin"
        self._bin.mkdir()
        self._tools = root / "tools"
        self._tools.mkdir()
        for tool in TOOLS:
            self.tool(tool)
        self.calls_file.touch()
        for folder in ("opt/magnum/bin", "opt/magnum/lib", "etc/magnum", "etc/systemd/system"):
            (root / folder).mkdir(parents=True)
        for folder in ("var/log", "run", "tmp"):
            (root / folder).mkdir(parents=True)
        for script in SCRIPTS.rglob("*.sh"):
            self.install(str(script.relative_to(SCRIPTS)))
        self.stub("sleep", "")
        self.variables(**variables)

    def tool(self, name: str) -> None:
        """Give the node a program of the machine's."""
        (self._tools / name).symlink_to(shutil.which(name) or f"/{name} is missing here")

    def install(self, name: str) -> None:
        """Put a packaged script in its place."""
        script = SCRIPTS / name
        library, common = script.parent.name == "lib", script.parent.name == "node"
        target = script.stem if common else script.name
        self.place(f"{'lib' if library else 'bin'}/{target}", script.read_text())

    def place(self, name: str, text: str) -> None:
        """Put a script in its place below ``/opt/magnum``."""
        for path in ROOTS:
            text = text.replace(path, f"{self.root}{path}")
        target = self.root / "opt/magnum" / name
        target.write_text(text)
        target.chmod(0o755)

    def variables(self, **values: str) -> None:
        """Write the node's variables."""
        (self.root / "etc/magnum/cluster.env").write_text(user_data.env_file(values))
        (self.root / "etc/magnum/node.env").write_text("")

    def stub(self, command: str, body: str) -> None:
        """Replace a command; its calls are noted, one a line, before ``body`` runs."""
        file = self._bin / command
        note = f'printf "%s\\n" "{command} $*" >> {shlex.quote(str(self.calls_file))}'
        file.write_text(f"#!/bin/sh\n{note}\n{body}\n")
        file.chmod(0o755)

    def step_stub(self, name: str, body: str) -> None:
        """Replace a script of the node's."""
        file = self.root / "opt/magnum/bin" / name
        note = f'printf "%s\\n" "{name} $*" >> {shlex.quote(str(self.calls_file))}'
        file.write_text(f"#!/bin/sh\n{note}\n{body}\n")
        file.chmod(0o755)

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of the node's scripts."""
        return subprocess.run(
            [self._tools / "sh", self.root / "opt/magnum/bin" / script, *arguments],
            capture_output=True,
            text=True,
            env={"PATH": f"{self._bin}:{self._tools}", "TMPDIR": str(self.root / "tmp")},
            check=False,
        )

    def read(self, path: str) -> str:
        """Return a file of the node's."""
        return (self.root / path.lstrip("/")).read_text()

    def mode(self, path: str) -> int:
        """Return the permissions of a file of the node's."""
        return (self.root / path.lstrip("/")).stat().st_mode & 0o777

    @property
    def calls(self) -> list[str]:
        """How the stand-ins were called, but for ``sleep``."""
        lines = self.calls_file.read_text().splitlines()
        return [line for line in lines if not line.startswith("sleep ")]
