# SPDX-License-Identifier: Apache-2.0
"""What a benchmark tells: where it ran, a table for people, and the raw numbers in a file."""

import datetime
import json
import os
import pathlib
import platform
import subprocess
from collections.abc import Iterable, Sequence
from typing import Any

from deployment.cloud import ROOT
from quality import environment

_PACKAGES = ("gunicorn", "pecan", "WebOb", "keystonemiddleware", "SQLAlchemy", "PyMySQL")
_ASK_VERSIONS = """
import importlib.metadata, json, platform, sys
known = {name: importlib.metadata.version(name) for name in sys.argv[1:]}
print(json.dumps({"python": platform.python_version(), **known}))
"""


def folder() -> pathlib.Path:
    """Return where configuration, logs and raw numbers go."""
    made = environment.cache() / "benchmarks"
    made.mkdir(parents=True, exist_ok=True)
    return made


def _processor() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory() -> str:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{total / 2**30:.1f} GiB"


def _commit() -> str:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def circumstances(programs: pathlib.Path) -> dict[str, Any]:
    """Return machine, versions and moment.

    :param programs: the folder of the service's programs.
    """
    command = [str(programs / "python"), "-c", _ASK_VERSIONS, *_PACKAGES]
    asked = subprocess.run(command, capture_output=True, text=True, check=True)
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "processors": f"{os.cpu_count()} x {_processor()}",
        "memory": _memory(),
        "kernel": platform.release(),
        "load_before": os.getloadavg()[0],
        "versions": json.loads(asked.stdout),
    }


def show_circumstances(found: dict[str, Any]) -> None:
    """Print them in some lines."""
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    print(f"{found['date']}, commit {found['commit']}")
    print(f"{found['processors']}, {found['memory']}, Linux {found['kernel']}")
    print(f"load of the machine before: {found['load_before']:.1f}")
    print(versions, flush=True)


def table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table whose first column is text and whose others are numbers."""
    lines = [list(headings), *([_shown(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _shown(cell: Any) -> str:
    if isinstance(cell, float):
        return f"{cell:.0f}" if cell >= 100 else f"{cell:.1f}" if cell >= 10 else f"{cell:.2f}"
    return str(cell)


def save(name: str, found: dict[str, Any], numbers: Any, target: pathlib.Path | None) -> None:
    """Write the raw numbers with their circumstances, and say where.

    :param target: a file; one named by benchmark and date when None.
    """
    found = {**found, "load_after": os.getloadavg()[0]}
    moment = str(found["date"]).replace(":", "").partition("+")[0]
    path = target or folder() / f"{name}-{moment}.json"
    path.write_text(json.dumps({"benchmark": name, **found, "numbers": numbers}, indent=1) + "\n")
    print(f"load of the machine after: {found['load_after']:.1f}")
    print(f"raw numbers: {path}", flush=True)
