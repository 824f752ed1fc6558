# SPDX-License-Identifier: Apache-2.0
"""Database servers of the tests' own, started and stopped by them.

Each has a folder in /tmp with all its files and its socket, listens on nothing else, never waits
for the disk, and dies with the process that started it.
"""

import contextlib
import ctypes
import gc
import getpass
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from typing import Any, ClassVar

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
_PATIENCE = 60  # seconds for a start or a stop


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _is_frozen(pid: int) -> bool:
    """Tell whether every thread of a process is stopped."""
    stats = (path.read_text() for path in pathlib.Path(f"/proc/{pid}/task").glob("*/stat"))
    return all(stat.rpartition(")")[2].split()[0] == "T" for stat in stats)


class Server:
    """A server in a folder, not started yet.

    :cvar packages: what a Debian machine needs for it.
    :cvar administrator: the account that may do anything, without a password.
    :cvar user: of the machine, whom it runs as.
    :cvar others: the statement that lists the numbers of all connections but the one it comes by.
    :cvar end_other: the statement that ends one of them.
    """

    packages: ClassVar[str]
    administrator: ClassVar[str]
    user: ClassVar[str]
    first_database: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]
    others: ClassVar[str]
    end_other: ClassVar[str]

    def __init__(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="magnum-db-"))
        self.scratch = self.folder / "tmp"
        self.scratch.mkdir()
        self._process: subprocess.Popen[bytes] | None = None
        shutil.chown(self.folder, self.user)
        shutil.chown(self.scratch, self.user)
        self._prepare()

    @property
    def socket(self) -> pathlib.Path:
        """The only place where it listens."""
        raise NotImplementedError

    def url(self, database: str) -> str:
        """Return where one of its databases is, as ``[database] connection`` would say it."""
        raise NotImplementedError

    def command(self) -> list[str]:
        """Return the command that runs it in the foreground."""
        raise NotImplementedError

    def _prepare(self) -> None:
        raise NotImplementedError

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(
            self.command(),
            user=self.user if os.getuid() == 0 else None,
            stdin=subprocess.DEVNULL,
            stdout=self._log(),
            stderr=subprocess.STDOUT,
            cwd=self.folder,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 -- one system call
        )
        deadline = time.monotonic() + _PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{self.command()[0]} does not start:\n{self.said()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it as an operator would, and wait until it is gone."""
        self._end(self.stop_signal)

    def remove(self) -> None:
        """Stop it without any care and remove all it had."""
        self._end(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def restore(self) -> None:
        """Have it answer, whatever was done to it."""
        self.thaw()
        if self._process is None:
            self.start()
        gc.collect()  # what refused attempts have left, while its warnings concern their test

    def freeze(self) -> None:
        """Let it keep its connections and not answer any more."""
        self._send(signal.SIGSTOP)
        deadline = time.monotonic() + _PATIENCE
        # A thread on another processor goes on for a moment, and may still answer.
        while self._process and not _is_frozen(self._process.pid):
            assert time.monotonic() < deadline, "it does not stop"
            time.sleep(0.01)

    def thaw(self) -> None:
        """Let it answer again."""
        self._send(signal.SIGCONT)

    def execute(self, statement: str) -> list[Any]:
        """Run a statement as the administrator, outside of any transaction.

        :returns: the first column of what it returns.
        """
        engine = create_engine(self.url(self.first_database), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                result = connection.execute(text(statement))
                return list(result.scalars()) if result.returns_rows else []
        finally:
            engine.dispose()

    def break_connections(self) -> None:
        """End all connections but the administrator's own, and wait until they are gone."""
        deadline = time.monotonic() + _PATIENCE
        while others := self.execute(self.others):
            if time.monotonic() > deadline:
                pytest.fail(f"Connections {others} cannot be ended.")
            for number in others:
                with contextlib.suppress(DBAPIError):  # it has gone by itself
                    self.execute(self.end_other.format(number))

    def said(self) -> str:
        """Return what it has written into its log."""
        return (self.folder / "log").read_text(errors="replace")[-3000:]

    def _answers(self) -> bool:
        if not self.socket.exists():  # PyMySQL would leave the one of its own open
            return False
        try:
            self.execute("SELECT 1")
        except DBAPIError:
            return False
        return True

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(_PATIENCE)
            self._process = None

    def _log(self) -> int:
        return os.open(self.folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def _run(self, *argv: str) -> None:
        done = subprocess.run(
            argv,
            user=self.user if os.getuid() == 0 else None,
            stdin=subprocess.DEVNULL,
            stdout=self._log(),
            stderr=subprocess.STDOUT,
            cwd=self.folder,
            check=False,
        )
        if done.returncode:
            pytest.fail(f"{argv[0]} failed:\n{self.said()}")

    def _find(self, program: str, *folders: pathlib.Path) -> str:
        places = os.pathsep.join([*map(str, folders), os.environ.get("PATH", ""), "/usr/sbin"])
        found = shutil.which(program, path=places)
        if found is None:
            pytest.fail(f"There is no {program}; the Debian package is {self.packages}.")
        return found


class MariaDB(Server):
    """MariaDB, run by whoever runs the tests."""

    packages = "mariadb-server-core"
    administrator = "root"
    user = getpass.getuser()
    first_database = "mysql"
    stop_signal = signal.SIGTERM
    others = (
        "SELECT id FROM information_schema.processlist "
        "WHERE id != CONNECTION_ID() AND command != 'Daemon' AND user != 'system user'"
    )
    end_other = "KILL {}"

    @property
    def socket(self) -> pathlib.Path:
        return self.folder / "socket"

    def url(self, database: str) -> str:
        place = f"unix_socket={self.socket}"
        return f"mysql+pymysql://{self.administrator}@localhost/{database}?{place}"

    def command(self) -> list[str]:
        return [
            self._find("mariadbd"),
            "--no-defaults",
            f"--user={self.user}",
            f"--datadir={self.folder}/data",
            # As it starts, it removes all temporary tables it finds there, another server's too.
            f"--tmpdir={self.scratch}",
            f"--socket={self.socket}",
            f"--pid-file={self.folder}/pid",
            "--skip-networking",
            "--skip-log-bin",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-flush-method=nosync",
            "--innodb-buffer-pool-size=32M",
            "--innodb-log-file-size=16M",
            "--innodb-use-native-aio=OFF",
        ]

    def _prepare(self) -> None:
        self._run(
            self._find("mariadb-install-db"),
            "--no-defaults",
            f"--user={self.user}",
            f"--datadir={self.folder}/data",
            f"--tmpdir={self.scratch}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--innodb-flush-method=nosync",
        )


class PostgreSQL(Server):
    """PostgreSQL, which refuses to run as root and takes Debian's user for it then.

    Its databases sort as a dictionary does unless a column says otherwise, as real ones do.
    """

    packages = "postgresql"
    administrator = "postgres"
    user = "postgres" if os.getuid() == 0 else getpass.getuser()
    first_database = "postgres"
    stop_signal = signal.SIGINT
    others = (
        "SELECT pid FROM pg_stat_activity "
        "WHERE pid != pg_backend_pid() AND backend_type = 'client backend'"
    )
    end_other = "SELECT pg_terminate_backend({})"

    def __init__(self) -> None:
        try:
            pwd.getpwnam(self.user)
        except KeyError:
            pytest.fail(f"There is no user {self.user}; the Debian package is {self.packages}.")
        super().__init__()

    @property
    def socket(self) -> pathlib.Path:
        return self.folder / ".s.PGSQL.5432"

    def url(self, database: str) -> str:
        return f"postgresql+psycopg2://{self.administrator}@/{database}?host={self.folder}"

    def command(self) -> list[str]:
        return [
            self._program("postgres"),
            *("-D", f"{self.folder}/data"),
            *("-k", f"{self.folder}"),
            *("-c", "listen_addresses="),
            *("-c", "fsync=off"),
            *("-c", "full_page_writes=off"),
            *("-c", "synchronous_commit=off"),
            *("-c", "autovacuum=off"),
        ]

    def _prepare(self) -> None:
        self._run(
            self._program("initdb"),
            f"--pgdata={self.folder}/data",
            f"--username={self.administrator}",
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--locale-provider=icu",
            "--icu-locale=en-US",
        )

    def _program(self, name: str) -> str:
        versions = pathlib.Path("/usr/lib/postgresql").glob("*/bin")
        return self._find(name, *sorted(versions, reverse=True))
