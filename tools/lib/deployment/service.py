# SPDX-License-Identifier: Apache-2.0
"""The service on a mini cloud: its database, its configuration, its processes."""

import fcntl
import pathlib
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO

from deployment import configuration
from deployment.cloud import Cloud
from deployment.processes import Process
from deployment.sessions import Session, send

_CREATE_DATABASE = """
import sys, sqlalchemy
url, name = sqlalchemy.make_url(sys.argv[1]), sys.argv[2]
# A server that was restarted meanwhile never answers, and others wait for this deployment.
patience = {"read_timeout": 120}
engine = sqlalchemy.create_engine(
    url.set(database=""), isolation_level="AUTOCOMMIT", connect_args=patience
)
with engine.connect() as connection:
    for statement in sys.argv[3:]:
        connection.exec_driver_sql(statement.format(name=name))
"""
_DROP = "DROP DATABASE IF EXISTS {name}"
_CREATE = "CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8mb4"


class CommandFailed(Exception):
    """A command of the deployment ended with an error; the text has its output."""


class Deployment:
    """The service, deployed in one folder.

    :param programs: the folder with magnum-api and the others.
    :param folder: for configuration and logs; made when missing.
    :param database: its name; begins with `magnum`.
    :param extra: options over those an operator has to set.
    """

    def __init__(
        self,
        cloud: Cloud,
        programs: pathlib.Path,
        folder: pathlib.Path,
        database: str,
        extra: configuration.Options | None = None,
    ) -> None:
        self.cloud = cloud
        self.programs = programs
        self.folder = folder
        self.database = database
        self.extra: configuration.Options = extra or {}
        self.processes: list[Process] = []
        self._lock: IO[str] | None = None

    @property
    def config(self) -> pathlib.Path:
        return self.folder / "magnum.conf"

    @property
    def url(self) -> str:
        return self.cloud.magnum_url

    def claim(self) -> None:
        """Wait for the end of another deployment on this cloud, if there is one.

        A mini cloud's catalogue has one endpoint for us, so there is one deployment at a time.
        """
        self._lock = (self.cloud.prefix / "deployment.lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another deployment on {self.cloud.prefix} to end", flush=True)
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    def configure(self) -> None:
        """Write magnum.conf, readable by its owner only."""
        self.folder.mkdir(parents=True, exist_ok=True)
        choice = configuration.operators_choice(self.cloud, self.database)
        self._write(self.config, configuration.render(choice, self.extra))

    @staticmethod
    def _write(path: pathlib.Path, text: str) -> None:
        path.touch(mode=0o600)
        path.write_text(text)

    def run(self, program: str, *words: str) -> str:
        """Run one of the service's programs with its configuration; returns its output.

        :raises CommandFailed: it ended with an error.
        """
        return self._run(str(self.programs / program), "--config-file", str(self.config), *words)

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        with (self.folder / "programs.log").open("a") as log:
            log.write(done.stdout)
        if done.returncode:
            end = "\n".join(done.stdout.splitlines()[-12:])
            raise CommandFailed(f"{command[0]} ended with status {done.returncode}:\n{end}")
        return done.stdout

    def _sql(self, *statements: str) -> None:
        url = self.cloud.database_url(self.database)
        python = str(self.programs / "python")
        self._run(python, "-c", _CREATE_DATABASE, url, self.database, *statements)

    def create_database(self) -> None:
        """Make an empty database, in place of one that may be there."""
        self._sql(_DROP, _CREATE)

    def drop_database(self) -> None:
        """Remove the database."""
        self._sql(_DROP)

    def migrate(self) -> str:
        """Bring the schema up to date; returns what the program says."""
        return self.run("magnum-db-manage", "upgrade")

    def _start(
        self, name: str, program: str, configs: Sequence[pathlib.Path], wrapper: Sequence[str]
    ) -> Process:
        """Start a program, or a wrapper that is told the program and its arguments."""
        options = [word for path in configs for word in ("--config-file", str(path))]
        if wrapper:
            command = [str(self.programs / "python"), *wrapper, program, *options]
        else:
            command = [str(self.programs / program), *options]
        process = Process(name, command, self.folder)
        self.processes.append(process)
        return process

    def start_api(self, wrapper: Sequence[str] = ()) -> Process:
        """Start magnum-api and wait until it answers.

        :param wrapper: a Python script and its arguments, to run instead of the program; it gets
            the program's name and arguments appended.
        :raises deployment.processes.ServiceFailed: it does not come up.
        """
        if self._answers():
            raise CommandFailed(f"something else answers at {self.url}; stop it first")
        process = self._start("magnum-api", "magnum-api", [self.config], wrapper)
        process.wait_until(self._answers)
        return process

    def _answers(self) -> bool:
        try:
            return send("GET", self.url + "/").status < 500
        except OSError:
            return False

    def start_conductor(
        self,
        name: str = "magnum-conductor",
        wrapper: Sequence[str] = (),
        extra: Mapping[str, Mapping[str, str]] | None = None,
        wait: bool = True,
    ) -> Process:
        """Start a conductor that is known by `name`, and wait for its first heartbeat.

        :param wrapper: as for the API.
        :param extra: options for this conductor alone.
        :param wait: needs the API to be up, for that is who shows heartbeats.
        :raises deployment.processes.ServiceFailed: it does not come up.
        """
        own = self.folder / f"{name}.conf"
        self._write(own, configuration.render({"DEFAULT": {"host": name}}, extra or {}))
        before = self._heartbeat(name) if wait else None
        process = self._start(name, "magnum-conductor", [self.config, own], wrapper)
        if wait:
            process.wait_until(lambda: self._heartbeat(name) not in {None, before})
        return process

    def _heartbeat(self, host: str) -> tuple[str, ...] | None:
        """Return when a conductor was last heard of, None when never."""
        admin = Session.of(self.cloud, self.cloud.user("admin"))
        reply = admin.send("GET", "container-infra", "/mservices")
        rows = reply.body["mservices"] if reply.status == 200 else []
        for row in rows:
            if row["host"] == host and row["state"] == "up":
                return tuple(str(row.get(key)) for key in ("created_at", "updated_at"))
        return None

    def stop(self) -> None:
        """End all processes, which take their time at the same time."""
        for process in reversed(self.processes):
            process.ask_to_stop()
        for process in self.processes:
            process.stop()
        self.processes.clear()

    def release(self) -> None:
        """Let others deploy on this cloud; the end of our process does so, too."""
        if self._lock:
            self._lock.close()
            self._lock = None

    def logs(self) -> list[pathlib.Path]:
        """Return all logs there are."""
        return sorted(self.folder.glob("*.log"))


def wrapped_with(script: str, *words: str) -> list[str]:
    """Return the wrapper that runs a script of this folder."""
    return [str(pathlib.Path(__file__).parent / script), *words]
