# SPDX-License-Identifier: Apache-2.0
"""Bays that come to no good end say why, and can always be deleted.

Most bays of the module are made at once, and have come to their ends before the first test.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from deployment.cloud import Cloud, User
from deployment.sessions import Session
from tests.functional import quotas
from tests.functional.bays import Bays
from tests.functional.nodes import Nodes

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def network(cloud: Cloud) -> Session:
    """The administrator's Neutron."""
    return Session.of(cloud, cloud.user("admin"))


ENDS = {
    "silent": "CREATE_FAILED",
    "failing": "CREATE_FAILED",
    "behind": "CREATE_FAILED",
    "large": "CREATE_FAILED",
    "stray": "CREATE_COMPLETE",
    "guarded": "CREATE_COMPLETE",
}
"""What comes of the bays that are made at once."""


@pytest.fixture(scope="module")
def ended(all_nodes: Nodes, bays: Bays, model: str) -> Iterator[dict[str, dict[str, Any]]]:
    """Bays by name, as they are shown after their ends; those left are deleted at once."""
    all_nodes.behave(fail="^failing-", skip="^(silent|behind)-")
    made = {"silent": bays.create(model, name="silent", bay_create_timeout=1)}
    try:
        # A minute is short where five others are made.
        bays.wait_for_event(made["silent"], "waiting for the node to signal")
        models = {
            "large": bays.create_model(docker_volume_size=1001),
            **dict.fromkeys(("stray", "guarded"), bays.create_model()),
        }
        for name in ENDS.keys() - made.keys():
            made[name] = bays.create(models.get(name, model), name=name)
        bays.wait_for_event(made["behind"], "Heat has accepted the stack")
        bays.delete_stack("behind")
        yield {name: bays.wait_for(made[name], status) for name, status in ENDS.items()}
    finally:
        all_nodes.behave()
        left = [bay for bay in made.values() if bays.show(bay).status != 404]
        for bay in left:
            bays.delete(bay)
        for bay in left:
            bays.wait_until_gone(bay)


def _network_of(network: Session, name: str) -> dict[str, str]:
    """Find the network that a bay has made for itself."""
    found = network.get("network", "/v2.0/networks")["networks"]
    (own,) = [row for row in found if row["name"].startswith(f"{name}-")]
    return dict(own)


def _port_on(network: Session, own: dict[str, str], **fields: str) -> str:
    body = {"port": {"network_id": own["id"], "project_id": own["project_id"], **fields}}
    return str(network.call("POST", "network", "/v2.0/ports", body)["port"]["id"])


def _failed(bays: Bays, bay: str, status: str) -> str:
    """Wait for a failure, and return its reason."""
    return str(bays.wait_for(bay, status)["status_reason"])


def _clean_up(bays: Bays, bay: str) -> None:
    bays.delete(bay)
    bays.wait_until_gone(bay)


def test_node_that_fails_names_itself_and_its_words(
    bays: Bays, ended: dict[str, dict[str, Any]]
) -> None:
    bay = ended["failing"]
    assert re.match(
        r"Node failing-\S+-master: first_master/ready \(OS::Heat::WaitCondition\) failed: ",
        bay["status_reason"],
    )
    events = [event for event in bays.events(bay["uuid"]) if event["severity"] == "ERROR"]
    assert any(event["resource"] == "first_master/ready" for event in events)
    _clean_up(bays, bay["uuid"])


def test_bay_whose_nodes_never_signal_fails_at_its_deadline(
    ended: dict[str, dict[str, Any]],
) -> None:
    told = r"still waiting for first_master/ready \(node silent-\S+-master\)"
    assert re.search(told, ended["silent"]["status_reason"])


def test_update_that_fails_is_repeated_with_another_node_or_goes_back_when_it_was_told_to(
    nodes: Nodes, bays: Bays, model: str
) -> None:
    bay = bays.create(model)
    first = bays.wait_for(bay, "CREATE_COMPLETE")["node_addresses"]
    told = r"Node \S+-node-{0}: workers/{0}/ready \(OS::Heat::WaitCondition\) failed: "
    nodes.behave(fail=".*")
    bays.resize(bay, 2)
    assert re.match(told.format(1), _failed(bays, bay, "UPDATE_FAILED"))

    nodes.behave()
    bays.resize(bay, 2)
    before = bays.wait_for(bay, "UPDATE_COMPLETE")
    assert (before["node_count"], before["status_reason"]) == (2, None)
    assert len(before["node_addresses"]) == 2
    assert set(before["node_addresses"]) > set(first)

    nodes.behave(fail=".*")
    bays.resize(bay, 3, rollback=True)
    assert bays.show(bay).body["node_count"] == 3
    after = bays.wait_for(bay, "ROLLBACK_COMPLETE")
    assert re.match(told.format(3), after["status_reason"])
    for field in ("node_count", "node_addresses", "master_addresses", "api_address"):
        assert after[field] == before[field]
    nodes.behave()
    _clean_up(bays, bay)


@pytest.mark.parametrize(
    ("service", "resource"),
    [("network", "floating"), pytest.param("compute", "server", marks=pytest.mark.thorough)],
)
def test_quota_that_is_used_up_is_told_in_the_words_of_who_refuses(
    service: str, resource: str, cloud: Cloud, demo: User, bays: Bays
) -> None:
    with quotas.used_up(cloud, demo, service):
        bay = bays.create(bays.create_model())
        reason = _failed(bays, bay, "CREATE_FAILED")
    assert resource in reason.partition(" failed: ")[0]
    assert "Quota exceeded for" in reason
    _clean_up(bays, bay)


def test_volumes_that_exceed_the_quota_are_told_in_cinders_words(
    ended: dict[str, dict[str, Any]],
) -> None:
    reason = ended["large"]["status_reason"]
    assert "docker_volume (OS::Cinder::Volume) failed: " in reason
    assert "exceeds allowed gigabytes quota" in reason
    assert "Requested 1001G, quota is 1000G" in reason


def test_stack_that_its_owner_deletes_meanwhile_is_missed(
    ended: dict[str, dict[str, Any]],
) -> None:
    reason = ended["behind"]["status_reason"]
    assert reason == "The Heat stack of this bay was deleted while it was worked on."


def test_ports_that_nobody_owns_go_with_the_bay(
    network: Session, bays: Bays, ended: dict[str, dict[str, Any]]
) -> None:
    _port_on(network, _network_of(network, "stray"), name="left by a workload")
    _clean_up(bays, ended["stray"]["uuid"])


def test_port_of_somebodys_server_is_named_and_never_removed(
    network: Session, bays: Bays, ended: dict[str, dict[str, Any]]
) -> None:
    bay, own = ended["guarded"]["uuid"], _network_of(network, "guarded")
    port = _port_on(network, own, device_owner="compute:nova", device_id="somebodys-server")
    bays.delete(bay)
    reason = _failed(bays, bay, "DELETE_FAILED")
    assert f"Port {port} of server somebodys-server" in reason
    assert network.get("network", f"/v2.0/ports/{port}")["port"]["id"] == port
    network.call("DELETE", "network", f"/v2.0/ports/{port}")
    _clean_up(bays, bay)
