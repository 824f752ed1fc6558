# SPDX-License-Identifier: Apache-2.0
"""What `inside/traced.py` wrote down, and how much of a span of time it takes."""

import dataclasses
import json
import pathlib
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class Call:
    """One call to another service; times on the machine's monotonic clock."""

    began: float
    ended: float
    pid: int
    method: str
    url: str
    status: int

    @property
    def port(self) -> int | None:
        """What tells the services of the mini cloud apart."""
        return urllib.parse.urlsplit(self.url).port


def read(path: pathlib.Path) -> list[Call]:
    """Return all complete lines so far."""
    whole, _, _ = path.read_text().rpartition("\n") if path.exists() else ("", "", "")
    return [Call(*json.loads(line)) for line in whole.splitlines()]


def union(calls: Iterable[Call], since: float, until: float) -> float:
    """Return the seconds of a span in which at least one call was under way."""
    total, reached = 0.0, since
    for call in sorted(calls, key=lambda call: call.began):
        began, ended = max(call.began, reached), min(call.ended, until)
        if ended > began:
            total += ended - began
            reached = ended
    return total


def by_service(calls: Sequence[Call], ports: Mapping[str, int]) -> dict[str, tuple[int, float]]:
    """Return number and sum of seconds of the calls to each service that was called."""
    names = {port: name for name, port in ports.items()}
    found: dict[str, tuple[int, float]] = {}
    for call in calls:
        name = names.get(call.port or 0, str(call.port))
        number, seconds = found.get(name, (0, 0.0))
        found[name] = (number + 1, seconds + call.ended - call.began)
    return found
