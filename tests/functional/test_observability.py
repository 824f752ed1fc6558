# SPDX-License-Identifier: Apache-2.0
"""What operators see of the service: metrics, health, and one request through all logs."""

import pathlib
import time
import uuid
from collections.abc import Sequence

import pytest

from deployment.cloud import Cloud
from deployment.service import CommandFailed, Deployment
from deployment.sessions import Reply, send
from tests.functional.bays import SERVICE, Bays

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


def test_request_is_followed_from_the_answer_to_heats_log(
    deployment: Deployment, cloud: Cloud, heat_log: pathlib.Path, bays: Bays, model: str
) -> None:
    theirs = f"req-{uuid.uuid4()}"
    body = {"name": "followed", "baymodel_id": model, "node_count": 1}
    header = {"X_OpenStack_Request_Id": theirs}
    reply = bays.session.send("POST", SERVICE, "/bays", body, **header)
    assert reply.status == 201
    ours, bay = reply.headers["x-openstack-request-id"], reply.body["uuid"]
    bays.wait_for(bay, "CREATE_COMPLETE")
    assert ours != theirs
    assert lines([cloud.prefix / "log" / "nova.log"], theirs, "os-keypairs"), "checked by the API"
    assert lines([deployment.folder / "magnum-api.log"], f"[{theirs} {ours} ")
    conductors = [deployment.folder / f"conductor-{number}.log" for number in (1, 2)]
    assert lines(conductors, f"[{theirs} {ours} ", "CREATE of bay", "complete")
    assert lines([heat_log], theirs, "POST /v1/", "/stacks")

    reply = bays.send("DELETE", f"/bays/{bay}")
    ours = reply.headers["x-openstack-request-id"]
    bays.wait_until_gone(bay)
    assert lines([heat_log], ours, "DELETE /v1/", "/stacks"), "followed by the id we gave it"


def test_metrics_tell_what_was_done(
    cloud: Cloud, metrics_ports: list[int], bays: Bays, model: str
) -> None:
    api, *conductors = metrics_ports
    before = samples(cloud, [api]), samples(cloud, conductors)
    bay = bays.create(model)
    bays.wait_for(bay, "CREATE_COMPLETE")
    bays.delete(bay)
    bays.wait_until_gone(bay)
    after = samples(cloud, [api]), samples(cloud, conductors)

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
    assert after[1]["magnum_database_up"] == len(conductors)
    assert not any(bay in name for name in after[0] | after[1]), "labels are bounded"


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
