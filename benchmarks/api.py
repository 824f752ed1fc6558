# SPDX-License-Identifier: Apache-2.0
"""Requests a second of one API worker, beside what an empty controller reaches in its place."""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from benchmarks import load, place, report
from benchmarks.bays import MODEL
from deployment.cloud import Cloud
from deployment.sessions import Session, send

CONNECTIONS = (1, 8)
WARM_UP = 1.0
CEILING, ONE_BAY, CREATE = "empty controller", "GET one bay", "POST baymodel"
AIMS: Mapping[str, float] = {
    ONE_BAY: 500,
    "GET bays (100)": 80,
    "GET baymodels (20)": 250,
    "GET certificate": 300,
    "POST certificate": 150,
}
"""Requests a second to be reached."""

_NO_SERVER: Mapping[str, Sequence[int]] = {"api": (), "ceiling": ()}

ONE_BAY_SHARE = 0.5
"""Of the ceiling, that one bay is to reach besides."""


@dataclasses.dataclass(frozen=True)
class Case:
    """One kind of request, and the processes that answer it."""

    name: str
    request: load.Request
    pids: Sequence[int]


def cases(
    url: str, ceiling: str, token: str, rows: Mapping[str, str], pids: Mapping[str, Sequence[int]]
) -> list[Case]:
    """Return all cases; the one that adds rows comes last."""

    def ask(method: str, path: str, body: Any = None) -> load.Request:
        expected = 200 if method == "GET" else 201
        return load.Request(method, f"{url}/v1{path}", token, body, expected)

    bay = rows["bay"]
    signing = {"bay_uuid": bay, "csr": rows["csr"]}
    requests = {
        ONE_BAY: ask("GET", f"/bays/{bay}"),
        "GET bays (100)": ask("GET", "/bays"),
        # As many as there are at first: the last case adds more.
        "GET baymodels (20)": ask("GET", "/baymodels?limit=20"),
        "GET certificate": ask("GET", f"/certificates/{bay}"),
        "POST certificate": ask("POST", "/certificates", signing),
        CREATE: ask("POST", "/baymodels", MODEL),
    }
    empty = load.Request("GET", f"{ceiling}/v1/bays/{bay}", token)
    found = [Case(name, request, pids["api"]) for name, request in requests.items()]
    return [Case(CEILING, empty, pids["ceiling"]), *found]


def check(case: Case) -> None:
    """Send it once and look at the status.

    :raises benchmarks.place.Wrong: it is another than expected.
    """
    asked = case.request
    reply = send(asked.method, asked.url, asked.body, {"X-Auth-Token": asked.token})
    if reply.status != asked.expected:
        raise place.Wrong(f"{case.name} answers {reply.status}: {reply.body}")


def measure(found: Sequence[Case], rounds: int, seconds: float) -> list[dict[str, Any]]:
    """Measure all cases, in turns, so that what disturbs one round disturbs all cases."""
    numbers = []
    *reading, adding = found
    for connections in CONNECTIONS:
        results: dict[str, list[load.Result]] = {case.name: [] for case in found}
        turns = [*[case for _ in range(rounds) for case in reading], *[adding] * rounds]
        for case in turns:
            results[case.name].append(load.run(case.request, connections, seconds, case.pids))
        numbers += [_numbers(name, connections, taken) for name, taken in results.items()]
    return numbers


def _numbers(name: str, connections: int, taken: Sequence[load.Result]) -> dict[str, Any]:
    typical = load.typical(taken)
    return {
        "case": name,
        "connections": connections,
        "rate": typical.rate,
        "best": load.best(taken),
        "p50": typical.p50,
        "p99": typical.p99,
        "cost": typical.cost,
        "errors": typical.errors,
        "rounds": [dataclasses.asdict(result) for result in taken],
    }


def client_ceiling(address: str, seconds: float) -> list[dict[str, Any]]:
    """Measure the load generator at a server that does nothing."""
    with place.child("trivial.py", address) as port:
        asked = load.Request("GET", f"http://{address}:{port}/", "none")
        return [
            _numbers("wrk alone", connections, [load.run(asked, connections, seconds)])
            for connections in CONNECTIONS
        ]


def show(numbers: Sequence[Mapping[str, Any]]) -> None:
    """Print a table for each number of connections."""
    for connections in CONNECTIONS:
        those = [row for row in numbers if row["connections"] == connections]
        ceiling = next((row["rate"] for row in those if row["case"] == CEILING), None)
        headings = (
            *(f"{connections} connection(s)", "req/s", "best", "of ceiling", "p50 ms", "p99 ms"),
            *("cpu ms", "errors", "aim"),
        )
        rows = [_row(row, ceiling) for row in those]
        print(f"\n{report.table(headings, rows)}", flush=True)


def _row(row: Mapping[str, Any], ceiling: float | None) -> list[Any]:
    share = row["rate"] / ceiling if ceiling else None
    shown = [row[key] for key in ("p50", "p99", "cost", "errors")]
    of_ceiling = "-" if share is None else f"{100 * share:.0f} %"
    return [row["case"], row["rate"], row["best"], of_ceiling, *shown, _verdict(row, share)]


def _verdict(row: Mapping[str, Any], share: float | None) -> str:
    """Say what is aimed at and whether it is reached."""
    aim = AIMS.get(row["case"])
    if aim is None:
        return "-"
    reached, wanted = row["rate"] >= aim, f"{aim:.0f}"
    if row["case"] == ONE_BAY and share is not None:
        reached, wanted = reached and share >= ONE_BAY_SHARE, f"{wanted}, {ONE_BAY_SHARE:.0%}"
    return f"{wanted} {'met' if reached else 'MISSED'}"


@contextmanager
def _running(cloud: Cloud, programs: pathlib.Path) -> Iterator[list[Case]]:
    """Start both servers, with rows, and find every request answered as it should be."""
    user = cloud.user("demo")
    with (
        place.beside(cloud, programs, "api") as deployment,
        place.filled(deployment, user) as rows,
    ):
        api = deployment.start_api()
        ceiling, ceiling_url = place.start_ceiling(deployment)
        token = Session.of(cloud, user).token
        pids = {"api": api.family(), "ceiling": ceiling.family()}
        found = cases(deployment.url, ceiling_url, token, rows, pids)
        for case in found:
            check(case)
            load.run(case.request, CONNECTIONS[-1], WARM_UP)
        yield found


def profile(cloud: Cloud, name: str, times: int) -> None:
    """Print what one case spends its time on.

    :raises benchmarks.place.Wrong: there is no such case.
    """
    programs = place.install()
    report.show_circumstances(report.circumstances(programs))
    user = cloud.user("demo")
    with (
        place.beside(cloud, programs, "profile") as deployment,
        place.filled(deployment, user) as rows,
    ):
        token = Session.of(cloud, user).token
        known = {case.name: case.request for case in cases("", "", token, rows, _NO_SERVER)}
        if name not in known:
            raise place.Wrong(f"there is no case {name!r} but {', '.join(known)}")
        asked = known[name]
        given = {"token": token, "body": asked.body}
        words = (asked.method, asked.url, str(times))
        found = place.inside(deployment, "profiled.py", *words, given=given)
    wall, cpu = 1000 * found["wall"], 1000 * found["cpu"]
    print(f"{name}: {wall:.2f} ms, {cpu:.2f} ms of the processor; in the profile, its time alone:")
    print(found["profile"])


def run(cloud: Cloud, rounds: int, seconds: float, output: pathlib.Path | None) -> None:
    """Measure and tell."""
    programs = place.install()
    around = report.circumstances(programs)
    report.show_circumstances(around)
    print(f"{rounds} rounds of {seconds:.0f} s; req/s: median of the rounds", flush=True)
    with _running(cloud, programs) as found:
        numbers = client_ceiling(cloud.address, seconds) + measure(found, rounds, seconds)
    show(numbers)
    report.save("api", around, numbers, output)
