# SPDX-License-Identifier: Apache-2.0
"""What conductors cost while many bays are in flight: calls to other services and processor time.

Keystone and Heat are played by `standin.py`, for a real Heat cannot hold that many stacks on a
small machine.  Database and broker are those of the mini cloud.
"""

import dataclasses
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks import place, report, usage
from deployment.cloud import Cloud
from deployment.processes import Process
from deployment.service import Deployment
from deployment.sessions import send

PROJECTS = 10
SCENES = ((100, 1), (100, 2), (500, 1), (500, 2))
"""Bays in flight and conductors."""

TICK = 1.0
"""Seconds: [conductor] watch_interval, as it is set by default."""

SETTLING = 5.0
WINDOW = 40.0
OLD = 160.0
"""Seconds after which a conductor looks more rarely at what does not change."""

PATIENCE = 120


@dataclasses.dataclass(frozen=True)
class Window:
    """What was counted in a span of time.

    :ivar calls: to other services, by kind.
    :ivar cpu: seconds of processor time of all conductors.
    :ivar pss: MiB of each of them, in the end.
    """

    seconds: float
    calls: Mapping[str, int]
    cpu: float
    pss: Sequence[float]

    @property
    def ticks(self) -> float:
        return self.seconds / TICK

    @property
    def calls_a_tick(self) -> float:
        return sum(self.calls.values()) / self.ticks


class Scene:
    """Some conductors with many bays in flight."""

    def __init__(self, deployment: Deployment, standin: str, conductors: int) -> None:
        self._deployment = deployment
        self._standin = standin
        self._conductors: list[Process] = [
            deployment.start_conductor(f"bench-{number}", wait=False)
            for number in range(1, conductors + 1)
        ]
        self._wait_until(lambda found: found["conductors"] == conductors)

    def take_up(self, bays: int) -> dict[str, Any]:
        """Put bays in flight and wait until every one is held by a conductor."""
        before, began = self._counts(), time.monotonic()
        place.inside(self._deployment, "rows.py", "fly", str(bays), str(PROJECTS))
        held = self._wait_until(self._holding(bays))["held"]
        seconds = time.monotonic() - began
        time.sleep(SETTLING)
        calls = _difference(before, self._counts())
        return {"seconds": seconds, "calls": calls, "held": sorted(held.values())}

    @staticmethod
    def _holding(number: int) -> Callable[[Mapping[str, Any]], bool]:
        return lambda found: sum(found["held"].values()) == number

    def watch(self) -> Window:
        """Count for a while."""
        pids = [process.pid for process in self._conductors]
        before, cpu, began = self._counts(), usage.cpu_seconds(pids), time.monotonic()
        time.sleep(WINDOW)
        seconds = time.monotonic() - began
        return Window(
            seconds=seconds,
            calls=_difference(before, self._counts()),
            cpu=usage.cpu_seconds(pids) - cpu,
            pss=usage.pss(pids),
        )

    def _counts(self) -> dict[str, int]:
        found: dict[str, int] = send("GET", f"{self._standin}/counts").body
        return found

    def _wait_until(self, ready: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while True:
            found: dict[str, Any] = place.inside(self._deployment, "rows.py", "held")
            if ready(found):
                return found
            if time.monotonic() > deadline:
                raise place.Wrong(f"conductors hold only {found}")


def _difference(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    return {kind: number - before.get(kind, 0) for kind, number in after.items()}


def measure(cloud: Cloud, programs: pathlib.Path, bays: int, conductors: int, old: bool) -> Any:
    """Play one scene; returns plain data."""
    with place.child("standin.py", cloud.address) as port:
        standin = f"http://{cloud.address}:{port}"
        login = {"auth_url": f"{standin}/v3"}
        with place.beside(cloud, programs, "ticks", keystone_authtoken=login) as deployment:
            scene = Scene(deployment, standin, conductors)
            took_up = scene.take_up(bays)
            windows = {"young": scene.watch()}
            if old:
                time.sleep(OLD)
                windows["old"] = scene.watch()
    return {
        "bays": bays,
        "conductors": conductors,
        "take_up": took_up,
        **{age: dataclasses.asdict(window) for age, window in windows.items()},
    }


def show(scenes: Sequence[Mapping[str, Any]]) -> None:
    """Print one row a scene and age."""
    headings: tuple[str, ...] = (
        *("bays, conductors", "held", "calls a tick", "of these stacks", "resources", "others"),
        *("cpu ms a tick", "PSS MiB", "aim"),
    )
    rows = [
        _row(scene, age, Window(**scene[age]))
        for scene in scenes
        for age in ("young", "old")
        if age in scene
    ]
    print(f"\n{report.table(headings, rows)}")
    headings = ("taken up", "bays", "conductors", "s", "calls")
    taken = [
        (
            *("until all are watched", scene["bays"], scene["conductors"]),
            *(scene["take_up"]["seconds"], sum(scene["take_up"]["calls"].values())),
        )
        for scene in scenes
    ]
    print(f"\n{report.table(headings, taken)}", flush=True)


def _row(scene: Mapping[str, Any], age: str, window: Window) -> list[Any]:
    stacks, resources = (window.calls.get(kind, 0) for kind in ("stacks", "resources"))
    others = sum(window.calls.values()) - stacks - resources
    parts = [number / window.ticks for number in (stacks, resources, others)]
    return [
        f"{scene['bays']}, {scene['conductors']} ({age})",
        "+".join(map(str, scene["take_up"]["held"])),
        window.calls_a_tick,
        *parts,
        1000 * window.cpu / window.ticks,
        "+".join(f"{share:.0f}" for share in window.pss),
        f"{PROJECTS} {'met' if window.calls_a_tick <= PROJECTS else 'MISSED'}",
    ]


def run(cloud: Cloud, old: bool, output: pathlib.Path | None) -> None:
    """Measure and tell."""
    programs = place.install()
    around = report.circumstances(programs)
    report.show_circumstances(around)
    print(f"Keystone and Heat are PLAYED by a stand-in; {PROJECTS} projects, ticks of {TICK:.0f} s")
    scenes = [measure(cloud, programs, *scene, old) for scene in SCENES]
    show(scenes)
    report.save("ticks", around, scenes, output)
