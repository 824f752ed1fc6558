# SPDX-License-Identifier: Apache-2.0
"""What operators see of the service: metrics, notifications, health, one request in all logs."""

import dataclasses
import pathlib
import time
import uuid
from collections.abc import Sequence
from typing import Any

import pytest

from deployment.cloud import Cloud
from deployment.service import CommandFailed, Deployment
from deployment.sessions import Reply, send
from tests.functional.bays import SERVICE, Bays
from tests.functional.conftest import NOTIFICATIONS
from tests.functional.listener import Heard, listening

pytestmark = pytest.mark.usefixtures("nothing_left")

PATIENCE = 30


@pytest.fixture
def heat_log(cloud: Cloud) -> pathlib.Path:
    return cloud.prefix / "log" / "heat.log"


def page(cloud: Cloud, port: int, path: str) -> Reply:
    return send("GET", f"http://{cloud.address}:{port}{path}")


def samples(cloud: Cloud, ports: list[int]) -> dict[str, float]:
    """Return what the processes on these ports have counted, summed up."""
    found: dict[str, float] = {}
    for port in ports:
        for line in page(cloud, port, "/metrics").body.splitlines():
            if not line.startswith("#"):
                name, _, figure = line.rpartition(" ")
                found[name] = found.get(name, 0.0) + float(figure)
    return found


def lines(logs: Sequence[pathlib.Path], *words: str) -> list[str]:
    """Return the lines of some logs with all of these words; they may come a moment later."""
    deadline = time.monotonic() + PATIENCE
    while True:
        texts = (line for log in logs for line in log.read_text(errors="replace").splitlines())
        found = [line for line in texts if all(word in line for word in words)]
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


@dataclasses.dataclass(frozen=True)
class Life:
    """What was seen of a bay that was made and deleted.

    :ivar theirs: the request id that the caller of the creation chose.
    :ivar ours: the request ids that the answers to creation and deletion had.
    :ivar shown: the complete bay.
    :ivar heard: what a listener heard, in order.
    :ivar before: what API and conductors had counted.
    :ivar after: likewise.
    """

    theirs: str
    ours: tuple[str, str]
    shown: dict[str, Any]
    heard: list[Heard]
    before: tuple[dict[str, float], dict[str, float]]
    after: tuple[dict[str, float], dict[str, float]]

    @property
    def bay(self) -> str:
        return str(self.shown["uuid"])


@pytest.fixture(scope="module")
def life(cloud: Cloud, metrics_ports: list[int], bays: Bays, model: str) -> Life:
    """One bay's life, looked at from all sides."""
    api, *conductors = metrics_ports
    theirs = f"req-{uuid.uuid4()}"
    body = {"name": "followed", "baymodel_id": model, "node_count": 1}
    with listening(cloud, NOTIFICATIONS["topics"]) as listener:
        before = samples(cloud, [api]), samples(cloud, conductors)
        header = {"X_OpenStack_Request_Id": theirs}
        made = bays.session.send("POST", SERVICE, "/bays", body, **header)
        assert made.status == 201
        bay = made.body["uuid"]
        shown = bays.wait_for(bay, "CREATE_COMPLETE")
        deleted = bays.send("DELETE", f"/bays/{bay}")
        bays.wait_until_gone(bay)
        after = samples(cloud, [api]), samples(cloud, conductors)
        heard = [listener.next_of(bay) for _ in range(4)]
    made_by, deleted_by = (reply.headers["x-openstack-request-id"] for reply in (made, deleted))
    return Life(theirs, (made_by, deleted_by), shown, heard, before, after)


def test_request_is_followed_from_the_answer_to_heats_log(
    deployment: Deployment, cloud: Cloud, heat_log: pathlib.Path, life: Life
) -> None:
    theirs, (ours, deleted_by) = life.theirs, life.ours
    assert ours != theirs
    assert lines([cloud.prefix / "log" / "nova.log"], theirs, "os-keypairs"), "checked by the API"
    assert lines([deployment.folder / "magnum-api.log"], f"[{theirs} {ours} ")
    conductors = [deployment.folder / f"conductor-{number}.log" for number in (1, 2)]
    assert lines(conductors, f"[{theirs} {ours} ", "CREATE of bay", "complete")
    assert lines([heat_log], theirs, "POST /v1/", "/stacks")
    assert lines([heat_log], deleted_by, "DELETE /v1/", "/stacks"), "followed by the id we gave it"


def test_metrics_tell_what_was_done(life: Life, metrics_ports: list[int]) -> None:
    before, after = life.before, life.after

    def grown(which: int, name: str) -> float:
        return after[which].get(name, 0.0) - before[which].get(name, 0.0)

    assert grown(0, 'magnum_api_requests_total{method="POST",route="/v1/bays",status="201"}') == 1
    gone = 'magnum_api_requests_total{method="GET",route="/v1/bays/{ident}",status="404"}'
    assert grown(0, gone) == 1
    counted = "magnum_client_request_duration_seconds_count"
    heat = 'method="POST",outcome="success",service="heat"'
    assert grown(1, f"{counted}{{{heat}}}") == 1
    for action in ("CREATE", "DELETE"):
        ended = f'magnum_operations_finished_total{{action="{action}",outcome="COMPLETE"}}'
        assert grown(1, ended) == 1
    assert after[1]["magnum_database_up"] == len(metrics_ports) - 1
    assert not any(life.bay in name for name in after[0] | after[1]), "labels are bounded"


def test_what_is_done_for_a_bay_is_told_to_a_listener(life: Life) -> None:
    assert [(priority, kind, event["outcome"]) for priority, _, kind, event in life.heard] == [
        ("info", "magnum.bay.create", "pending"),
        ("info", "magnum.bay.create", "success"),
        ("info", "magnum.bay.delete", "pending"),
        ("info", "magnum.bay.delete", "success"),
    ]
    assert life.heard[0][1].startswith("container.conductor-")
    events = [event for *_, event in life.heard]
    assert {event["target"]["name"] for event in events} == {"followed"}
    (attachment,) = events[1]["target"]["attachments"]
    for name in ("status", "api_address", "node_addresses", "node_count", "stack_id"):
        assert attachment["content"][name] == life.shown[name]
    created, deleted = (
        {event["initiator"]["request_id"] for event in pair} for pair in (events[:2], events[2:])
    )
    assert (len(created), len(deleted)) == (1, 1)


def test_deep_health_check_is_well_and_on_no_port_of_tenants(
    deployment: Deployment, cloud: Cloud, metrics_ports: list[int]
) -> None:
    for port in metrics_ports:
        reply = page(cloud, port, "/healthz")
        assert reply.status == 200, reply
        assert set(reply.body["checks"]) == {
            "database",
            "message_broker",
            "conductor",
            "keystone",
            "certificate_store",
        }
    for path in ("/metrics", "/healthz"):
        assert send("GET", f"{deployment.url}{path}").status == 401


def test_second_api_on_the_port_of_metrics_is_told_so(deployment: Deployment) -> None:
    said = r"(?s)ended with status 1:.*\[metrics\] host or api_port. Port \d+: Address already"
    with pytest.raises(CommandFailed, match=said):
        deployment.run("magnum-api")
