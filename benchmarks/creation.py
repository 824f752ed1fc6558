# SPDX-License-Identifier: Apache-2.0
"""How long it takes from POST of a bay until Heat has its stack, and whose time that is."""

import dataclasses
import pathlib
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks import place, report, trace, usage
from benchmarks.bays import Bays
from benchmarks.trace import Call
from deployment.cloud import Cloud
from deployment.processes import Process
from deployment.service import Deployment
from deployment.sessions import Session

BAYS = 5
POSTS = 30
PATIENCE = 60  # seconds until Heat is asked for a stack
AIM_VISIBLE = 1.5
"""Seconds from POST until Heat has the stack."""

AIM_RATIO = 3.0
"""POST of a bay, without the calls to other services, in times of GET of one."""


@dataclasses.dataclass(frozen=True)
class Creation:
    """One bay, in seconds from the moment its POST is sent.

    :ivar answered: until the POST is answered.
    :ivar taken_up: until the conductor's first call.
    :ivar visible: until Heat has answered that it has the stack.
    :ivar outside: of these, spent in other services.
    :ivar services: number and seconds of the calls to each.
    """

    answered: float
    taken_up: float
    visible: float
    outside: float
    services: Mapping[str, tuple[int, float]]

    @property
    def own(self) -> float:
        """What is left: ours, with database and broker."""
        return self.visible - self.outside


class Bench:
    """A running deployment whose processes are traced."""

    def __init__(self, cloud: Cloud, deployment: Deployment) -> None:
        self._cloud = cloud
        self._deployment = deployment
        self._path = deployment.folder / "calls"
        wrapper = place.wrapped("traced.py", str(self._path))
        self.api: Process = deployment.start_api(wrapper)
        self.conductor: Process = deployment.start_conductor(wrapper=wrapper)
        self.bays = Bays(Session.of(cloud, cloud.user("demo")))

    def post(self) -> tuple[str, float, float]:
        """Ask for a bay; returns its uuid, when it was asked for and when that was answered."""
        began = time.monotonic()
        return self.bays.post(), began, time.monotonic()

    def calls(self, process: Process, since: float) -> list[Call]:
        """Return the calls that a process and its workers began since a moment."""
        family = process.family()
        return [c for c in trace.read(self._path) if c.pid in family and c.began >= since]

    def create(self) -> tuple[str, Creation]:
        """Ask for a bay and follow it until Heat has its stack."""
        bay, began, answered = self.post()
        made = self._stack_made(began)
        calls = [
            call
            for process in (self.api, self.conductor)
            for call in self.calls(process, began)
            if call.began < made.ended
        ]
        first = min(call.began for call in calls if call.pid == made.pid)
        return bay, Creation(
            answered=answered - began,
            taken_up=first - began,
            visible=made.ended - began,
            outside=trace.union(calls, began, made.ended),
            services=trace.by_service(calls, self._cloud.facts["ports"]),
        )

    def _stack_made(self, since: float) -> Call:
        """Wait for the call by which Heat got the stack; Heat answers when it has stored it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for call in self.calls(self.conductor, since):
                if call.method == "POST" and call.url.endswith("/stacks") and call.status == 201:
                    return call
            time.sleep(0.02)
        raise place.Wrong(f"Heat was not asked for a stack within {PATIENCE} s")

    def compare(self) -> dict[str, Any]:
        """Measure POST of a bay beside GET of one, with nobody to carry it out."""
        self.conductor.stop()
        posts, own = [], []
        cpu = usage.cpu_seconds(self.api.family())
        for _ in range(POSTS):
            bay, began, answered = self.post()
            posts.append((bay, began, answered))
        cpu_post = usage.cpu_seconds(self.api.family()) - cpu
        for _, began, answered in posts:
            outside = trace.union(self.calls(self.api, began), began, answered)
            own.append(answered - began - outside)
        gets = [self._get(posts[0][0]) for _ in range(10 * POSTS)]
        cpu_get = usage.cpu_seconds(self.api.family()) - cpu - cpu_post
        return {
            "post": [answered - began for _, began, answered in posts],
            "own": own,
            "get": gets,
            "cpu_post": cpu_post / POSTS,
            "cpu_get": cpu_get / len(gets),
        }

    def _get(self, bay: str) -> float:
        began = time.monotonic()
        self.bays.get(bay)
        return time.monotonic() - began


def measure(bench: Bench) -> dict[str, Any]:
    """Make bays one after the other; the first one stays to the end, so that the project is known.

    :returns: plain data.
    """
    creations = []
    try:
        _, first = bench.create()
        creations.append(first)
        bench.bays.wait_until_made()
        for _ in range(BAYS):
            bay, creation = bench.create()
            creations.append(creation)
            bench.bays.remove(bay)
    finally:
        bench.bays.remove()
    found = [{**dataclasses.asdict(made), "own": made.own} for made in creations]
    return {"creations": found, "requests": bench.compare()}


def show(numbers: Mapping[str, Any]) -> None:
    """Print the way to the stack, the services called on it, and POST beside GET."""
    first, *later = numbers["creations"]
    keys = ("answered", "taken_up", "visible", "outside", "own")
    headings = ("s since POST", "answered", "taken up", "stack visible", "outside", "our own")
    rows: list[Sequence[Any]] = [
        ("first bay of a project", *(first[key] for key in keys)),
        (f"later ones (median of {len(later)})", *(_median(later, key) for key in keys)),
    ]
    print(f"\n{report.table(headings, rows)}")
    visible = max(first["visible"], _median(later, "visible"))
    print(f"aim: visible <= {AIM_VISIBLE} s: {'met' if visible <= AIM_VISIBLE else 'MISSED'}")
    typical = sorted(later, key=lambda made: made["visible"])[len(later) // 2]
    services = [(name, *calls) for name, calls in sorted(typical["services"].items())]
    print(f"\n{report.table(('calls of the median one to', 'number', 's'), services)}")
    _show_requests(numbers["requests"])


def _show_requests(found: Mapping[str, Any]) -> None:
    post, own, get = (1000 * statistics.median(found[key]) for key in ("post", "own", "get"))
    cpu_post, cpu_get = 1000 * found["cpu_post"], 1000 * found["cpu_get"]
    headings = ("ms, median", "answered", "without other services", "cpu")
    rows = [("POST bay", post, own, cpu_post), ("GET one bay", get, get, cpu_get)]
    print(f"\n{report.table(headings, rows)}")
    ratio = own / get
    verdict = "met" if ratio <= AIM_RATIO else "MISSED"
    print(f"aim: POST's own time <= {AIM_RATIO:.0f} x GET: {ratio:.1f}, {verdict}", flush=True)


def _median(creations: Sequence[Mapping[str, Any]], key: str) -> float:
    return statistics.median(float(made[key]) for made in creations)


def run(cloud: Cloud, output: pathlib.Path | None) -> None:
    """Measure and tell."""
    programs = place.install()
    around = report.circumstances(programs)
    report.show_circumstances(around)
    with place.in_catalogue(cloud, programs, "creation") as deployment:
        numbers = measure(Bench(cloud, deployment))
    show(numbers)
    report.save("creation", around, numbers, output)
