# SPDX-License-Identifier: Apache-2.0
"""How much memory both services take, fresh and after load, and how soon they answer."""

import pathlib
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks import api, load, place, report, usage
from benchmarks.bays import Bays
from deployment.cloud import Cloud
from deployment.processes import Process
from deployment.service import Deployment
from deployment.sessions import Session, send

STARTS = 5
LOAD_SECONDS = 5.0
BAYS = 6
AIMS: Mapping[str, float] = {"api": 110, "conductor": 130, "first answer": 1.5}
"""MiB after load, and seconds."""


def _seconds_until(url: str, headers: dict[str, str], began: float) -> float:
    while True:
        try:
            if send("GET", url, headers=headers).status == 200:
                return time.monotonic() - began
        except OSError:
            time.sleep(0.005)  # nobody listens yet


def first_answers(deployment: Deployment, token: str) -> dict[str, float]:
    """Start an API and time its first answers, from its exec on; stops it again."""
    command = [str(deployment.programs / "magnum-api"), "--config-file", str(deployment.config)]
    began = time.monotonic()
    process = Process("magnum-api", command, deployment.folder)
    try:
        public = _seconds_until(f"{deployment.url}/healthcheck", {}, began)
        own = _seconds_until(f"{deployment.url}/v1/bays", {"X-Auth-Token": token}, began)
    finally:
        process.stop()
    return {"healthcheck": public, "bays": own}


def _api(cloud: Cloud, programs: pathlib.Path) -> dict[str, Any]:
    """Measure the API beside whatever else runs."""
    user = cloud.user("demo")
    with place.beside(cloud, programs, "memory") as deployment:
        token = Session.of(cloud, user).token
        starts = [first_answers(deployment, token) for _ in range(STARTS)]
        with place.filled(deployment, user) as rows:
            process = deployment.start_api()
            fresh, after = usage.pss(process.family()), {}
            pids = {"api": process.family(), "ceiling": ()}
            for case in api.cases(deployment.url, "", token, rows, pids):
                if case.name != api.CEILING:
                    load.run(case.request, api.CONNECTIONS[-1], LOAD_SECONDS)
                    after[case.name] = usage.pss(process.family())
            loaded = usage.pss(process.family())
    return {"starts": starts, "fresh": fresh, "after": after, "loaded": loaded}


def _conductor(cloud: Cloud, programs: pathlib.Path) -> dict[str, Any]:
    """Measure a conductor that makes and deletes some bays at once."""
    with place.in_catalogue(cloud, programs, "memory") as deployment:
        deployment.start_api()
        process = deployment.start_conductor()
        fresh = usage.pss(process.family())
        bays = Bays(Session.of(cloud, cloud.user("demo")))
        for _ in range(BAYS):
            bays.post()
        try:
            bays.wait_until_made()
        finally:
            bays.remove()
        return {"fresh": fresh, "loaded": usage.pss(process.family())}


def _memory_rows(numbers: Mapping[str, Any]) -> list[Sequence[Any]]:
    rows: list[Sequence[Any]] = []
    for name in ("api", "conductor"):
        fresh, loaded = numbers[name]["fresh"], numbers[name]["loaded"]
        for number, (before, after) in enumerate(zip(fresh, loaded, strict=True)):
            if len(fresh) > 1:
                who = f"{name}: worker" if number else f"{name}: master"
                rows.append((who, before, after, "-"))
        verdict = "met" if sum(loaded) <= AIMS[name] else "MISSED"
        rows.append((name, sum(fresh), sum(loaded), f"{AIMS[name]:.0f} {verdict}"))
    return rows


def show(numbers: Mapping[str, Any]) -> None:
    """Print memory and starts."""
    headings: tuple[str, ...] = ("PSS in MiB", "fresh", "after load", "aim")
    print(f"\n{report.table(headings, _memory_rows(numbers))}")
    after = numbers["api"]["after"]
    headings = ("PSS of the API after, in turn", "master", "worker")
    print(f"\n{report.table(headings, [(name, *shares) for name, shares in after.items()])}")
    starts = numbers["api"]["starts"]
    rows: list[Sequence[Any]] = []
    for key in ("healthcheck", "bays"):
        seconds = [start[key] for start in starts]
        verdict = "met" if statistics.median(seconds) <= AIMS["first answer"] else "MISSED"
        aim = f"{AIMS['first answer']} {verdict}"
        rows.append((f"/{key}", statistics.median(seconds), min(seconds), max(seconds), aim))
    headings = ("s from exec to first 200", "median", "least", "most", "aim")
    print(f"\n{report.table(headings, rows)}", flush=True)


def run(cloud: Cloud, output: pathlib.Path | None) -> None:
    """Measure and tell."""
    programs = place.install()
    around = report.circumstances(programs)
    report.show_circumstances(around)
    numbers = {"conductor": _conductor(cloud, programs), "api": _api(cloud, programs)}
    show(numbers)
    report.save("memory", around, numbers, output)
