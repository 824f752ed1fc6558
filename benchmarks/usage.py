# SPDX-License-Identifier: Apache-2.0
"""What processes use of the machine, as the kernel tells it."""

import os
import pathlib
from collections.abc import Iterable


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the processor time that processes have taken so far."""
    return sum(parse_cpu(pathlib.Path(f"/proc/{pid}/stat").read_text()) for pid in pids)


def parse_cpu(text: str) -> float:
    """Read the seconds, user and system, out of a process's stat."""
    fields = text.rpartition(")")[2].split()  # the name, in brackets, may hold anything
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pss(pids: Iterable[int]) -> list[float]:
    """Return each process's share of memory in MiB: what is shared counts by how many share it."""
    return [parse_pss(pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()) for pid in pids]


def parse_pss(text: str) -> float:
    """Read MiB out of a process's smaps_rollup."""
    fields = (line.split() for line in text.splitlines())
    return next(int(words[1]) / 1024 for words in fields if words[0] == "Pss:")
