# SPDX-License-Identifier: Apache-2.0
"""What the service adds to making and listing containers, against the plain Docker SDK.

Needs no mini cloud: the engines are those of the tests, on this machine.
"""

import json
import pathlib
import statistics
import subprocess
from collections.abc import Mapping, Sequence

from benchmarks import report
from deployment.service import CommandFailed
from minicloud import debian
from quality import environment

AIM = 1.5
"""Times what the plain SDK takes."""

_SCRIPT = pathlib.Path(__file__).parent / "inside" / "contained.py"
_PACKAGES = ("docker.io", "busybox-static", "iproute2", "mariadb-server-core")
_NAMES = {"creations": "create and start 50", "lists": "list of 500", "details": "with detail"}


def run(rounds: int, output: pathlib.Path | None) -> None:
    """Measure, print and save.

    :raises deployment.service.CommandFailed: it could not be measured.
    """
    python = environment.for_checks()
    log, note = (environment.cache() / name for name in ("apt.log", "policy-rc.d-is-ours"))
    debian.install(_PACKAGES, ("docker", "mariadb"), log, note, print)
    found = report.circumstances(python.parent)
    report.show_circumstances(found)
    done = subprocess.run(
        [str(python), str(_SCRIPT), str(rounds)],
        cwd=environment.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CommandFailed(f"{_SCRIPT.name}: {(done.stdout + done.stderr)[-1500:]}")
    numbers = json.loads(done.stdout.strip().rpartition("\n")[2])
    print(report.table(["seconds", "plain", "service", "ratio", "aim"], list(rows(numbers))))
    report.save("containers", found, numbers, output)


def rows(numbers: Mapping[str, Mapping[str, Sequence[float]]]) -> list[list[object]]:
    """Return the lines of the table: medians, and what they say of the aim."""
    lines: list[list[object]] = []
    for case, seconds in numbers.items():
        plain, service = (statistics.median(seconds[who]) for who in ("plain", "service"))
        ratio = service / plain
        lines.append([_NAMES[case], plain, service, ratio, "met" if ratio <= AIM else "missed"])
    return lines
