# SPDX-License-Identifier: Apache-2.0
"""DevStack as the plugin sees it: its scripts, run with doubles of its functions."""

import configparser
import dataclasses
import os
import pathlib
import shlex
import subprocess
from collections.abc import Iterable

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "devstack"
_DOUBLES = pathlib.Path(__file__).parent / "doubles"
_MANAGE = """\
#!/bin/bash
record magnum-db-manage "$@"
if [[ "$3" == new-certificate-key ]]; then
    sed -n 's/^encryption_key_file = //p' "$2" | xargs touch
fi
"""


class ScriptFailed(AssertionError):
    """A script ended with an error; the text is what it said."""


@dataclasses.dataclass
class Ran:
    """What a script did."""

    calls: list[list[str]]
    said: str

    def of(self, name: str) -> list[list[str]]:
        """Return the arguments of each call of a function of DevStack's."""
        return [words for first, *words in self.calls if first == name]


class DevStack:
    """One machine with DevStack.

    :param folder: where all that would be on that machine is.
    :param doubles: the names of the files with its functions, beyond those of any age.
    :param local: what the operator has set in local.conf.
    """

    def __init__(self, folder: pathlib.Path, doubles: Iterable[str], **local: str) -> None:
        self.folder = folder
        self.doubles = tuple(doubles)
        self.room = folder / "room"
        self.config = folder / "etc" / "magnum"
        self.state = folder / "opt" / "data" / "magnum"
        self.cache = folder / "cache" / "magnum"
        self.certificates = folder / "lib" / "magnum" / "certificates"
        self.local = {
            "DEST": str(folder / "opt"),
            "TOP_DIR": str(folder / "devstack"),
            "PROGRAMS": str(folder / "bin"),
            "MAGNUM_CONF_DIR": str(self.config),
            "MAGNUM_AUTH_CACHE_DIR": str(self.cache),
            "MAGNUM_LOCAL_CERT_DIR": str(self.certificates),
            **local,
        }
        self.room.mkdir(parents=True, exist_ok=True)
        (folder / "opt").mkdir()
        (folder / "opt" / "magnum").symlink_to(ROOT)
        self._make_tree()

    def _make_tree(self) -> None:
        """Make what the plugin looks for in DevStack's own folder, and the programs."""
        files = {"lib/heat": "", "lib/neutron_plugins/services/loadbalancer": ""}
        if "today" in self.doubles:
            files = {
                "lib/neutron": 'Q_AGENT=${Q_AGENT:-"ovn"}\n',
                "lib/neutron_plugins/ovn_agent": "is_service_enabled q-ovn-agent\n",
            }
        for name, text in files.items():
            path = self.folder / "devstack" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        program = self.folder / "bin" / "magnum-db-manage"
        program.parent.mkdir()
        program.write_text(_MANAGE)
        program.chmod(0o755)

    def run(self, program: str) -> Ran:
        """Run stack, unstack or clean, or else ``script``.

        :raises ScriptFailed: it ended with an error.
        """
        log = self.room / "calls"
        log.write_text("")
        localrc = self.folder / "localrc"
        lines = (f"{name}={shlex.quote(value)}\n" for name, value in self.local.items())
        localrc.write_text("set -a\n" + "".join(lines) + "set +a\n")
        done = subprocess.run(
            ["bash", str(_DOUBLES / "devstack.sh"), program, *self.doubles],
            env={
                "PATH": os.environ["PATH"],
                "CALLS": str(log),
                "ROOM": str(self.room),
                "LOCALRC": str(localrc),
                "PLUGIN": str(PLUGIN),
                "SCRIPT": str(self.folder / "script"),
            },
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ScriptFailed(f"{program} ended with {done.returncode}:\n{done.stdout}")
        calls = [line.split("\t") for line in log.read_text().splitlines()]
        return Ran(calls, done.stdout)

    def call(self, *lines: str) -> Ran:
        """Run a script that calls the plugin's functions itself; raises as :meth:`run`."""
        (self.folder / "script").write_text("\n".join(lines) + "\n")
        return self.run("script")

    def lines(self, name: str) -> list[str]:
        """Return the lines of what is on the machine: running, rules, images."""
        return (self.room / name).read_text().splitlines()

    @property
    def enabled(self) -> set[str]:
        """The services that are enabled once the plugin's settings have been read."""
        return set((self.room / "enabled").read_text().strip().split(","))

    @property
    def options(self) -> dict[str, dict[str, str]]:
        """What stands in magnum.conf."""
        return read(self.config / "magnum.conf")


def read(path: pathlib.Path) -> dict[str, dict[str, str]]:
    """Return the options of a file, by group; an option that stands twice is an error."""
    parser = configparser.RawConfigParser(default_section="", strict=True)
    parser.read_string(path.read_text())
    return {group: dict(parser[group]) for group in parser.sections()}
