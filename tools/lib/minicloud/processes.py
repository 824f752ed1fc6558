# SPDX-License-Identifier: Apache-2.0
"""Start services as daemons, find them again, stop them and nobody else.

A service's record `<run>/<name>.pid` holds boot id, pid and the process's start time: a pid that
the kernel has given to someone else since never matches. The record exists before the program
runs, so that killing `up` at any instant leaves no unknown daemon. Its helpers (workers, Erlang's
epmd, which leaves the session) are known by a mark in the environment they inherit.
"""

import contextlib
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence

MARK = "MINICLOUD_SERVICE"
_WAIT_FOR_GO = 'read go && exec "$@" </dev/null'


def _boot_id() -> str:
    return pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def start_time(pid: int) -> int | None:
    """Return when a process began, in clock ticks since boot; None when it is gone or a zombie."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()  # the name before it may hold spaces and brackets
    return None if fields[0] in "ZX" else int(fields[19])


def since_epoch(pid: int) -> float:
    """Return when a process began, in seconds since the epoch; now when it is gone."""
    began = start_time(pid)
    if began is None:
        return time.time()
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - began / os.sysconf("SC_CLK_TCK")
    return time.time() - age


class Processes:
    """The daemons of one mini cloud."""

    def __init__(self, prefix: pathlib.Path) -> None:
        self._prefix = prefix
        self._run = prefix / "run"

    def start(self, name: str, argv: Sequence[str], env: dict[str, str], log: pathlib.Path) -> None:
        """Start a daemon in a session of its own; nothing happens when it runs already.

        Leftovers of an earlier one (workers whose leader died) are ended first.
        """
        if self.leader(name):
            return
        self.stop([name])
        read_end, write_end = os.pipe()
        with log.open("ab") as output, os.fdopen(read_end) as gate_inside:
            child = subprocess.Popen(
                ["/bin/sh", "-c", _WAIT_FOR_GO, "sh", *argv],
                stdin=gate_inside,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env | {MARK: f"{self._prefix}:{name}"},
                cwd=self._prefix / "var",
                start_new_session=True,
            )
        child.returncode = 0  # a daemon: nobody waits for it, and Popen shall not complain
        # The child waits for this line, and ends without it: recorded first, run afterwards.
        record = self._run / f"{name}.pid"
        part = record.with_suffix(".part")
        part.write_text(f"{_boot_id()} {child.pid} {start_time(child.pid)}\n")
        part.replace(record)
        with contextlib.suppress(BrokenPipeError), os.fdopen(write_end, "wb") as gate:
            gate.write(b"go\n")

    def leader(self, name: str) -> int | None:
        """Return the pid of a service's main process, or None when it does not run."""
        try:
            boot, pid, began = (self._run / f"{name}.pid").read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        if boot != _boot_id() or start_time(int(pid)) != int(began):
            return None
        return int(pid)

    def recorded(self) -> list[str]:
        """Return the names of all services that were ever started and not stopped."""
        return sorted(path.stem for path in self._run.glob("*.pid"))

    def members(self, names: Iterable[str]) -> dict[str, list[int]]:
        """Return all processes of each of the services, helpers included."""
        found: dict[str, list[int]] = {name: [] for name in names}
        marks = {f"{MARK}={self._prefix}:{name}".encode(): name for name in found}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                environment = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            for mark in marks.keys() & environment:
                found[marks[mark]].append(int(entry.name))
        return found

    def stop(self, names: Sequence[str], patience: float = 15) -> None:
        """End services: the leaders by SIGTERM, then what is left of them, at last by SIGKILL.

        :param patience: seconds a service has for an orderly end.
        """
        for name in names:
            if pid := self.leader(name):
                _signal(pid, signal.SIGTERM)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and any(self.leader(name) for name in names):
            time.sleep(0.1)
        for last_word in (signal.SIGTERM, signal.SIGKILL):
            deadline = time.monotonic() + 5
            while left := [pid for pids in self.members(names).values() for pid in pids]:
                if time.monotonic() > deadline:
                    break
                for pid in left:
                    _signal(pid, last_word)
                time.sleep(0.2)
        for name in names:
            (self._run / f"{name}.pid").unlink(missing_ok=True)


def _signal(pid: int, number: signal.Signals) -> None:
    """Signal the process that has this pid now, if it is still the one looked at."""
    with contextlib.suppress(ProcessLookupError):
        began = start_time(pid)
        handle = os.pidfd_open(pid)
        try:
            if began is not None and start_time(pid) == began:
                signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)


def memory_kib(pids: Iterable[int]) -> int:
    """Return the processes' proportional share of memory (PSS): shared pages count once in all."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total
