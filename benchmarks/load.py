# SPDX-License-Identifier: Apache-2.0
"""Load on one URL over kept connections, by wrk, and what came of it."""

import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
from collections.abc import Sequence
from typing import Any

from benchmarks import usage

_SCRIPT = pathlib.Path(__file__).with_name("wrk.lua")


class LoadFailed(Exception):
    """The load generator did not do what it should; the text is what it said."""


@dataclasses.dataclass(frozen=True)
class Request:
    """What is sent again and again.

    :ivar expected: the status that each answer should have.
    """

    method: str
    url: str
    token: str
    body: Any = None
    expected: int = 200


@dataclasses.dataclass(frozen=True)
class Result:
    """One round, or what stands for several.

    :ivar cpu: seconds of processor time that the server's processes took.
    :ivar p50: milliseconds, as p99.
    :ivar errors: answers with a status of 400 and more, and connections that broke.
    """

    requests: int
    seconds: float
    cpu: float
    p50: float
    p99: float
    errors: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds if self.seconds else 0.0

    @property
    def cost(self) -> float:
        """Milliseconds of the server's processor time a request; other load changes it little."""
        return 1000 * self.cpu / self.requests if self.requests else 0.0


def parse(printed: str, cpu: float) -> Result:
    """Read the last line that wrk.lua prints.

    :raises LoadFailed: it is not there.
    """
    last = printed.strip().rpartition("\n")[2]
    try:
        said = json.loads(last)
    except ValueError as error:
        raise LoadFailed(f"wrk printed no result but: {printed[-500:]}") from error
    return Result(
        requests=said["requests"],
        seconds=said["microseconds"] / 1e6,
        cpu=cpu,
        p50=said["p50"] / 1000,
        p99=said["p99"] / 1000,
        errors=said["refused"] + said["broken"],
    )


def run(request: Request, connections: int, seconds: float, pids: Sequence[int] = ()) -> Result:
    """Send a request over and over; the server's processes are `pids`.

    :raises LoadFailed: wrk cannot run.
    """
    environment = {"BENCH_METHOD": request.method, "BENCH_TOKEN": request.token}
    if request.body is not None:
        environment["BENCH_BODY"] = json.dumps(request.body)
    command = ["wrk", "--threads", "1", "--connections", str(connections)]
    command += ["--duration", f"{seconds:.0f}s", "--timeout", "30s", "--script", str(_SCRIPT)]
    before = usage.cpu_seconds(pids)
    done = subprocess.run(
        [*command, request.url],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LoadFailed(f"wrk ended with status {done.returncode}: {done.stderr[-500:]}")
    return parse(done.stdout, usage.cpu_seconds(pids) - before)


def typical(rounds: Sequence[Result]) -> Result:
    """Return the round whose rate is the median, with the errors of all."""
    ordered = sorted(rounds, key=lambda result: result.rate)
    middle = ordered[len(ordered) // 2]
    cost = statistics.median(result.cost for result in rounds)
    errors = sum(result.errors for result in rounds)
    return dataclasses.replace(middle, cpu=cost * middle.requests / 1000, errors=errors)


def best(rounds: Sequence[Result]) -> float:
    """Return the highest rate of all rounds: the one that other load disturbed least."""
    return max(result.rate for result in rounds)
