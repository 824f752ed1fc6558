# SPDX-License-Identifier: Apache-2.0
"""How much memory both services take, fresh and after load, and how soon they answer."""

import pathlib
import statistics
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks import api, load, place, report
from deployment.cloud import Cloud, User
from deployment.processes import Process
from deployment.service import Deployment
from deployment.sessions import Session, send

STARTS = 5
LOAD_SECONDS = 5.0
BAYS = 6
PATIENCE = 600  # seconds for all bays to be made, or to be gone
AIMS: Mapping[str, float] = {"api": 110, "conductor": 130, "first answer": 1.5}
"""MiB after load, and seconds."""


def pss(pid: int) -> float:
    """Return a process's share of memory in MiB: what it shares counts by how many share it."""
    return parse_pss(pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text())


def parse_pss(text: str) -> float:
    """Read the sum out of smaps_rollup."""
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError("no line Pss: in smaps_rollup")


def _family(process: Process) -> list[float]:
    """Return the master's share and those of its workers."""
    return [pss(pid) for pid in process.family()]


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
        try:
            rows = place.inside(deployment, "rows.py", "fill", user.project_id, user.id)
            process = deployment.start_api()
            pids = {"api": process.family(), "ceiling": ()}
            fresh, after = _family(process), {}
            for case in api.cases(deployment.url, "", token, rows, pids):
                if case.name != api.CEILING:
                    load.run(case.request, api.CONNECTIONS[-1], LOAD_SECONDS)
                    after[case.name] = _family(process)
            return {"starts": starts, "fresh": fresh, "after": after, "loaded": _family(process)}
        finally:
            place.inside(deployment, "rows.py", "clear")


def _conductor(cloud: Cloud, programs: pathlib.Path) -> dict[str, Any]:
    """Measure a conductor that makes and deletes some bays at once."""
    with place.in_catalogue(cloud, programs, "memory") as deployment:
        deployment.start_api()
        process = deployment.start_conductor()
        fresh = _family(process)
        _live_and_die(cloud, cloud.user("demo"))
        return {"fresh": fresh, "loaded": _family(process)}


def _live_and_die(cloud: Cloud, user: User) -> None:
    """Have bays made, all at once, and deleted."""
    session = Session.of(cloud, user)
    model = session.call("POST", "container-infra", "/baymodels", api.MODEL)["uuid"]
    for _ in range(BAYS):
        body = {"name": f"bench-{uuid.uuid4().hex[:8]}", "baymodel_id": model}
        session.call("POST", "container-infra", "/bays", body)
    try:
        wait_for_bays(session, "CREATE_COMPLETE")
    finally:
        remove_bays(session)


def wait_for_bays(session: Session, status: str) -> None:
    """Wait until every bay there is has a status.

    :raises api.Wrong: one has failed, or time is over.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        found = session.get("container-infra", "/bays")["bays"]
        statuses = {bay["status"] for bay in found}
        if statuses <= {status}:
            return
        if any(known.endswith("_FAILED") for known in statuses) or time.monotonic() > deadline:
            raise api.Wrong(f"bays are {', '.join(sorted(statuses))} instead of {status}")
        time.sleep(1)


def remove_bays(session: Session) -> None:
    """Have every bay deleted, and wait for it."""
    for bay in session.get("container-infra", "/bays")["bays"]:
        session.call("DELETE", "container-infra", f"/bays/{bay['uuid']}")
    deadline = time.monotonic() + PATIENCE
    while session.get("container-infra", "/bays")["bays"]:
        if time.monotonic() > deadline:
            raise api.Wrong("bays are still being deleted")
        time.sleep(1)


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
    numbers = {"api": _api(cloud, programs), "conductor": _conductor(cloud, programs)}
    show(numbers)
    report.save("memory", around, numbers, output)
