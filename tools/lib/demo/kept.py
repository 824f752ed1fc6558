# SPDX-License-Identifier: Apache-2.0
"""The processes that `tools/demo --keep` leaves, to be found and ended later."""

import json
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

_PATIENCE = 20  # seconds for an orderly end


def _began(pid: int) -> str | None:
    """Return when a process began (ticks since boot); pids alone are given out again."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def record(file: Path, pids: Iterable[int]) -> None:
    """Write down which processes are left."""
    file.write_text(json.dumps({str(pid): _began(pid) for pid in pids}))


def stop(file: Path) -> list[int]:
    """End the processes that were written down and still run; returns which."""
    if not file.exists():
        return []
    noted = {int(pid): began for pid, began in json.loads(file.read_text()).items()}
    alive = [pid for pid, began in noted.items() if began and _began(pid) == began]
    for pid in alive:
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE
    while any(_began(pid) == noted[pid] for pid in alive):
        if time.monotonic() > deadline:
            for pid in alive:
                if _began(pid) == noted[pid]:
                    os.killpg(pid, signal.SIGKILL)  # each is the leader of its group
            break
        time.sleep(0.1)
    file.unlink()
    return alive
