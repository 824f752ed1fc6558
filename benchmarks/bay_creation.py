# SPDX-License-Identifier: Apache-2.0
"""The way of a bay of real nodes from its POST until it can be used, by its events.

And how long a worker of it is dead until the bay's health says so.
"""

import dataclasses
import datetime
import pathlib
import re
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks import place, report
from benchmarks.bays import SERVICE
from deployment import installation
from deployment.client import Client
from deployment.cloud import Cloud
from deployment.sessions import Session

PATIENCE = 900  # seconds until a bay is made, or gone, on two busy cores
AIMS = {1: 45.0, 5: 75.0}
"""Seconds until a bay of one manager and so many workers can be used, with everything warm."""

DEATH_AIM = 60.0
"""Seconds from a worker's loss of power until its bay is shown as unhealthy."""

NOTED = 1.0
"""Seconds from which on a wait is named.  Events have whole seconds, so one more may be told."""

PACE = "Heat looks again after 0.2 s, then less and less often, at last once a second"
"""As the mini cloud's Heat is told to; by itself it looks once a second."""

WHY = (
    (
        r"^request$",
        "the POST itself: its checks of image, flavor, keypair and network side by side",
    ),
    (r"^certificates$", "two keys are made, and Barbican stores two containers"),
    (r"^node_users$", "Keystone hashes two passwords"),
    (r"^stack$", "Heat validates the nested templates before it answers"),
    (r" begins$", "Nova's scheduler, compute service and Neutron make its server"),
    (r"server$", f"Nova's scheduler, compute service and Neutron; {PACE}"),
    (r"ready$", "the node boots, gets its certificate, starts its engine and joins the swarm"),
    (
        r"(floating_ip|port|network|subnet|router|router_interface|_group|_rule|handle)$",
        f"Neutron makes it; {PACE}",
    ),
    (r"address$", f"one of Heat's engines has its turn; {PACE}"),
    (r"(workers|masters|first_master)$", f"the nested stack's end; {PACE}"),
    (r"^(wait|outputs|finish|tokens)", "our look at the stacks of a project, once a second"),
    (r"usable$", "two commands of clients, each with a start of Python or Go"),
)
"""Why a wait that ends with an event cannot be shorter, by the resource of the event."""


@dataclasses.dataclass(frozen=True)
class Wait:
    """What came next, and how long nothing had come before it, in seconds.

    :ivar at: since the POST.
    """

    at: float
    waited: float
    what: str
    why: str


def line(began: datetime.datetime, events: Iterable[Mapping[str, Any]]) -> list[Wait]:
    """Put a bay's events on one line of time.

    :param began: the moment of the POST.
    :param events: as the API shows them, in any order.
    """
    waits: list[Wait] = []
    before = 0.0
    for event in sorted(events, key=_place):
        at = max(before, (moment(str(event["created_at"])) - began).total_seconds())
        resource = str(event["resource"] or "")
        told = str(event["text"])
        about = f"{resource} begins" if "IN_PROGRESS" in told else resource
        waits.append(Wait(at, at - before, f"{resource}: {told}", _why(about)))
        before = at
    return waits


def _place(event: Mapping[str, Any]) -> tuple[str, bool]:
    """Return what events are sorted by.

    Of those of one second the end of a node's boot comes first, as what the others waited for.
    """
    told, resource = str(event["text"]), str(event["resource"])
    is_boot = resource.endswith("ready") and "IN_PROGRESS" not in told
    return str(event["created_at"]), not is_boot


def moment(text: str) -> datetime.datetime:
    """Read a moment as the API writes it, which is UTC whether it says so or not."""
    read = datetime.datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=datetime.UTC)


def _why(resource: str) -> str:
    return next((why for pattern, why in WHY if re.search(pattern, resource)), "not known")


class Bench:
    """A running deployment, and a user whose bays have real nodes."""

    def __init__(self, cloud: Cloud) -> None:
        if cloud.facts["real_nodes"] is None:
            raise place.Wrong("the cloud has no real nodes: tools/minicloud up --nodes")
        user = cloud.user("demo")
        self._cloud, self._facts = cloud, cloud.facts["real_nodes"]
        self._session = Session.of(cloud, user)
        self._magnum = Client(installation.client("3.6.0"), cloud, user)
        self._model = self._create_model()

    def _create_model(self) -> str:
        body = {
            "coe": "swarm",
            "image_id": self._facts["images"]["fedora-atomic"],
            "keypair_id": "testkey",
            "external_network_id": "public",
            "flavor_id": self._facts["flavor"],
            "master_flavor_id": self._facts["flavor"],
        }
        return str(self._session.call("POST", SERVICE, "/baymodels", body)["uuid"])

    def create(self, workers: int) -> tuple[list[Wait], float]:
        """Make a bay, use it, have it lose a worker, and remove it.

        :returns: the way until it could be used, and for how many seconds the loss was not seen.
        """
        body = {"name": f"bench-{uuid.uuid4().hex[:8]}", "node_count": workers}
        began = datetime.datetime.now(datetime.UTC)
        made = self._session.call("POST", SERVICE, "/bays", {**body, "baymodel_id": self._model})
        path = f"/bays/{made['uuid']}"
        try:
            shown = self._until(path, "CREATE_COMPLETE")
            waits = line(began, self._session.get(SERVICE, f"{path}/events")["events"])
            self._use(shown, 1 + workers)
            at = (datetime.datetime.now(datetime.UTC) - began).total_seconds()
            what = "usable: docker node ls shows all nodes ready"
            waits.append(Wait(at, at - waits[-1].at, what, _why("usable")))
            return waits, self._death(path, str(shown["name"]))
        finally:
            self._session.call("DELETE", SERVICE, path)
            self._until(path, None)

    def _death(self, path: str, bay: str) -> float:
        """Cut a worker's power, and return the seconds until the bay's health tells."""
        self._until(path, "HEALTHY", "health_status")
        servers = self._session.get("compute", "/servers")["servers"]
        worker = next(s["id"] for s in servers if re.match(rf"{bay}-\w+-node-", s["name"]))
        began = time.monotonic()
        self._session.call("POST", "compute", f"/servers/{worker}/action", {"os-stop": None})
        self._until(path, "UNHEALTHY", "health_status")
        return time.monotonic() - began

    def _until(self, path: str, wanted: str | None, field: str = "status") -> Mapping[str, Any]:
        """Wait for a status, or for None until the bay is gone."""
        deadline = time.monotonic() + PATIENCE
        while True:
            reply = self._session.send("GET", SERVICE, path)
            found = reply.body[field] if reply.status == 200 else None
            if found == wanted:
                return dict(reply.body)
            if str(found).endswith("_FAILED") or time.monotonic() > deadline:
                raise place.Wrong(f"the bay is {found}, not {wanted}: {reply.body}")
            time.sleep(0.2)

    def _use(self, shown: Mapping[str, Any], nodes: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self._magnum.run("bay-config", str(shown["name"]), "--dir", folder)
            files = [f"--tls{kind}={folder}/{kind}.pem" for kind in ("cert", "key")]
            host = str(shown["api_address"]).replace("https://", "tcp://")
            command = [str(self._cloud.prefix / "bin" / "docker"), "--host", host, "--tlsverify"]
            command += [f"--tlscacert={folder}/ca.pem", *files, "node", "ls"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.stdout.count(" Ready ") != nodes:
            raise place.Wrong(f"not all nodes are ready: {done.stdout}{done.stderr}")


def show(workers: int, waits: Sequence[Wait], unseen: float) -> None:
    """Print the line of time, its long waits, and what they say of the aims."""
    print(f"\none manager and {workers} workers, seconds since POST")
    print(report.table(("what", "at", "waited"), [(w.what[:88], w.at, w.waited) for w in waits]))
    long = sorted((w for w in waits if w.waited > NOTED), key=lambda w: -w.waited)
    for wait in long:
        print(f"{wait.waited:6.1f} s before {wait.what[:60]}: {wait.why}")
    for what, found, limit in (
        ("usable", waits[-1].at, AIMS[workers]),
        ("a dead worker shown", unseen, DEATH_AIM),
    ):
        verdict = "met" if found <= limit else "MISSED"
        print(f"aim: {what} <= {limit:.0f} s: {found:.1f}, {verdict}", flush=True)


def run(cloud: Cloud, output: pathlib.Path | None) -> None:
    """Measure and tell; the first bay is made to warm everything up."""
    programs = place.install()
    around = report.circumstances(programs)
    report.show_circumstances(around)
    numbers: dict[int, Any] = {}
    with place.in_catalogue(cloud, programs, "bay_creation") as deployment:
        deployment.start_api()
        deployment.start_conductor()
        bench = Bench(cloud)
        bench.create(1)
        for workers in AIMS:
            waits, unseen = bench.create(workers)
            show(workers, waits, unseen)
            line_of_time = [dataclasses.asdict(wait) for wait in waits]
            numbers[workers] = {"waits": line_of_time, "death_unseen": unseen}
    report.save("bay_creation", around, numbers, output)
