# SPDX-License-Identifier: Apache-2.0
"""A node's control groups: one in each hierarchy of this machine, all of the same name.

They are the root of what the node sees, hold its memory limit, and tell which processes are its.
"""

import contextlib
import os
import pathlib
import signal
import time
from collections.abc import Iterator

ROOT = pathlib.Path("/sys/fs/cgroup")
NEEDED = frozenset({"cpu", "cpuset", "memory", "devices", "freezer", "pids", "systemd"})


def hierarchies(root: pathlib.Path = ROOT) -> list[pathlib.Path]:
    """Return the mount points of all hierarchies of version 1, and of version 2 beside them."""
    return sorted(path for path in root.glob("*") if (path / "cgroup.procs").exists())


def create(name: str, memory_mib: int, root: pathlib.Path = ROOT) -> list[pathlib.Path]:
    """Make a node's groups, and return them."""
    groups = []
    for hierarchy in hierarchies(root):
        group = hierarchy / name
        group.mkdir(exist_ok=True)
        if hierarchy.name == "cpuset":  # empty at first, and then nobody may enter
            for file in ("cpuset.cpus", "cpuset.mems"):
                (group / file).write_text((hierarchy / file).read_text())
            (group / "cgroup.clone_children").write_text("1")
        if hierarchy.name == "memory":
            (group / "memory.limit_in_bytes").write_text(str(memory_mib << 20))
        groups.append(group)
    return groups


def processes(name: str, root: pathlib.Path = ROOT) -> set[int]:
    """Return the ids of all processes of a node, whose groups come and go meanwhile."""
    return set(_each_process(name, root))


def has_processes(name: str, root: pathlib.Path = ROOT) -> bool:
    """Tell whether a node has any; that it has is seen without a look into all its groups."""
    return any(True for _ in _each_process(name, root))


def _each_process(name: str, root: pathlib.Path) -> Iterator[int]:
    for hierarchy in ("pids", "systemd"):
        for folder, _, _ in os.walk(root / hierarchy / name):
            with contextlib.suppress(OSError):
                file = pathlib.Path(folder) / "cgroup.procs"
                yield from (int(line) for line in file.read_text().split())


def kill(name: str, patience: float = 20) -> None:
    """End all processes of a node.

    :param patience: seconds.
    :raises OSError: some do not end.
    """
    deadline = time.monotonic() + patience
    while left := processes(name):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise OSError(f"processes of {name} do not end: {sorted(left)}")
        time.sleep(0.05)


def remove(name: str, root: pathlib.Path = ROOT, patience: float = 5) -> None:
    """Remove a node's groups; its processes have ended.

    :raises OSError: a group is still busy.
    """
    deadline = time.monotonic() + patience
    for hierarchy in hierarchies(root):
        while (hierarchy / name).is_dir():
            try:
                _remove_tree(hierarchy / name)
            except OSError:  # a dead process is taken off a moment later
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


def _remove_tree(group: pathlib.Path) -> None:
    for folder, _, _ in os.walk(group, topdown=False):
        pathlib.Path(folder).rmdir()


def first_process(name: str) -> int | None:
    """Return the id here of the process that is number 1 in the node; None when none runs."""
    for pid in processes(name):
        with contextlib.suppress(OSError):
            for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("NSpid:") and line.split()[2:] == ["1"]:
                    return pid
    return None
