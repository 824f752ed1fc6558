# SPDX-License-Identifier: Apache-2.0
"""What `status` prints, and the totals at the end of `up`."""

import dataclasses

from minicloud import processes, services
from minicloud.processes import Processes
from minicloud.real_nodes.servers import REAL_IMAGES
from minicloud.settings import Settings


@dataclasses.dataclass(frozen=True)
class Line:
    """The state of one service."""

    name: str
    pid: int | None
    port: int | None
    memory_kib: int

    def __str__(self) -> str:
        state = "up" if self.pid else "DOWN"
        memory = f"{self.memory_kib / 1024:.0f} MiB" if self.pid else "-"
        return f"{self.name:<18}{state:<6}{self.pid or '-':>8}{self.port or '-':>8}{memory:>10}"


HEADER = f"{'service':<18}{'state':<6}{'pid':>8}{'port':>8}{'memory':>10}"


def survey(settings: Settings, running: Processes) -> list[Line]:
    """Look at all services."""
    rows = services.wanted(settings)
    members = running.members(service.name for service in rows)
    return [
        Line(
            service.name,
            running.leader(service.name),
            settings.ports[service.port] if service.port else None,
            processes.memory_kib(members[service.name]),
        )
        for service in rows
    ]


def nodes(settings: Settings) -> str:
    """Tell which kind of nodes servers get."""
    if not settings.real_nodes:
        return "Nodes are played by the stand-in."
    images = ", ".join(REAL_IMAGES)
    return f"Nodes are real for servers of {images}; the stand-in plays all others."


def total_mib(lines: list[Line]) -> float:
    """Return the memory of all services together, in MiB of PSS."""
    return sum(line.memory_kib for line in lines) / 1024
