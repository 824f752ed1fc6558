# SPDX-License-Identifier: Apache-2.0
"""The figures of all worker processes of one API, put together.

Each worker keeps its own in files that it has in memory, by prometheus_client's multiprocess mode;
whichever is asked sums up all there are.  A worker that is gone still counts, save for what is
counted of the present alone.
"""

import contextlib
import fcntl
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

from oslo_config import cfg

from magnum.core.errors import Misconfigured
from magnum.metrics import listener

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""By which the library is told the directory; it looks as it is loaded."""

_held: list[int] = []
"""Descriptors whose locks say, as long as this process lives, that its directory is in use."""


def are_counted(conf: cfg.ConfigOpts) -> bool:
    """Tell whether an API counts, and serves what it has counted."""
    return bool(conf.metrics.enabled and conf.metrics.api_port)


@contextlib.contextmanager
def common(conf: cfg.ConfigOpts) -> Iterator[None]:
    """Have a directory for the workers that are forked in the block, if they are to count.

    :raises Misconfigured: somebody else has the port, or the directory cannot be used.
    """
    if not are_counted(conf):
        yield
        return
    host, port = conf.metrics.host, conf.metrics.api_port
    # A gunicorn that takes over from another one listens beside it for a while.
    if "GUNICORN_PID" not in os.environ and (trouble := listener.trouble_with(host, port)):
        raise Misconfigured(
            f"Metrics cannot be served on {host}, change [metrics] host or api_port. {trouble}"
        )
    if conf.metrics.directory:
        join(conf.metrics.directory)
        yield
        return
    owner, directory = os.getpid(), tempfile.mkdtemp(prefix="magnum-api-metrics-")
    os.environ[VARIABLE] = directory
    try:
        yield
    finally:
        if os.getpid() == owner:  # a worker ends here as well
            shutil.rmtree(directory, ignore_errors=True)


def join(directory: str | None) -> None:
    """Keep this process's figures in a directory that it shares with others it knows not.

    Who finds nobody there begins anew: what is left in it is of an earlier start.

    :raises Misconfigured: there is none, or it cannot be used.
    """
    if directory is None:
        raise Misconfigured(
            "[metrics] directory must be set where another server than magnum-api runs the API, "
            "or unset [metrics] api_port."
        )
    path = pathlib.Path(directory)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in path.glob("*.db"):
                left.unlink()
        fcntl.flock(lock, fcntl.LOCK_SH)
    except OSError as error:
        raise Misconfigured(
            f"[metrics] directory is {directory}, which cannot be used: {error.strerror}."
        ) from None
    _held.append(lock)
    os.environ[VARIABLE] = directory


def together() -> Any:
    """Return a registry with the sums over all workers of the directory."""
    from prometheus_client import CollectorRegistry, multiprocess  # noqa: PLC0415

    directory = os.environ[VARIABLE]
    for pid in _pids(directory):
        if not _is_alive(pid):
            multiprocess.mark_process_dead(pid, directory)  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, directory)  # type: ignore[no-untyped-call]
    return registry


def _pids(directory: str) -> set[int]:
    """Return whose files of the present there are; the library names them by process."""
    names = (path.stem for path in pathlib.Path(directory).glob("gauge_live*.db"))
    return {int(digits) for name in names if (digits := name.rpartition("_")[2]).isdigit()}


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
