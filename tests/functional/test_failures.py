# SPDX-License-Identifier: Apache-2.0
"""Bays that come to no good end say why, and can always be deleted."""

import re

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


def test_node_that_fails_names_itself_and_its_words(nodes: Nodes, bays: Bays, model: str) -> None:
    nodes.behave(fail=".*")
    bay = bays.create(model)
    reason = _failed(bays, bay, "CREATE_FAILED")
    assert re.match(
        r"Node \S+-master: first_master/ready \(OS::Heat::WaitCondition\) failed: ", reason
    )
    events = [event for event in bays.events(bay) if event["severity"] == "ERROR"]
    assert any(event["resource"] == "first_master/ready" for event in events)
    nodes.behave()
    _clean_up(bays, bay)


def test_bay_whose_nodes_never_signal_fails_at_its_deadline(
    nodes: Nodes, bays: Bays, model: str
) -> None:
    nodes.behave(skip=".*")
    bay = bays.create(model, bay_create_timeout=1)
    reason = _failed(bays, bay, "CREATE_FAILED")
    assert re.search(r"still waiting for first_master/ready \(node \S+-master\)", reason)
    nodes.behave()
    _clean_up(bays, bay)


def test_update_that_fails_goes_back_when_it_was_told_to(
    nodes: Nodes, bays: Bays, model: str
) -> None:
    bay = bays.create(model)
    before = bays.wait_for(bay, "CREATE_COMPLETE")
    nodes.behave(fail=".*")
    bays.resize(bay, 2, rollback=True)
    assert bays.show(bay).body["node_count"] == 2
    after = bays.wait_for(bay, "ROLLBACK_COMPLETE")
    told = r"Node \S+-node-1: workers/1/ready \(OS::Heat::WaitCondition\) failed: "
    assert re.match(told, after["status_reason"])
    for field in ("node_count", "node_addresses", "master_addresses", "api_address"):
        assert after[field] == before[field]
    nodes.behave()
    bays.resize(bay, 2)
    grown = bays.wait_for(bay, "UPDATE_COMPLETE")
    assert (grown["node_count"], grown["status_reason"]) == (2, None)
    _clean_up(bays, bay)


@pytest.mark.parametrize(("service", "resource"), [("compute", "server"), ("network", "floating")])
def test_quota_that_is_used_up_is_told_in_the_words_of_who_refuses(
    service: str, resource: str, cloud: Cloud, demo: User, bays: Bays, model: str
) -> None:
    with quotas.used_up(cloud, demo, service):
        bay = bays.create(model)
        reason = _failed(bays, bay, "CREATE_FAILED")
    assert resource in reason.partition(" failed: ")[0]
    assert "Quota exceeded for" in reason
    _clean_up(bays, bay)


def test_stack_that_its_owner_deletes_meanwhile_is_missed(
    nodes: Nodes, bays: Bays, model: str
) -> None:
    nodes.behave(paused=True)
    bay = bays.create(model, name="behind")
    bays.wait_for_event(bay, "Heat has accepted the stack")
    bays.delete_stack("behind")
    reason = _failed(bays, bay, "CREATE_FAILED")
    assert reason == "The Heat stack of this bay was deleted while it was worked on."
    _clean_up(bays, bay)


def test_ports_that_nobody_owns_go_with_the_bay(network: Session, bays: Bays, model: str) -> None:
    bay = bays.create(model, name="stray")
    bays.wait_for(bay, "CREATE_COMPLETE")
    _port_on(network, _network_of(network, "stray"), name="left by a workload")
    _clean_up(bays, bay)


def test_port_of_somebodys_server_is_named_and_never_removed(
    network: Session, bays: Bays, model: str
) -> None:
    bay = bays.create(model, name="guarded")
    bays.wait_for(bay, "CREATE_COMPLETE")
    own = _network_of(network, "guarded")
    port = _port_on(network, own, device_owner="compute:nova", device_id="somebodys-server")
    bays.delete(bay)
    reason = _failed(bays, bay, "DELETE_FAILED")
    assert f"Port {port} of server somebodys-server" in reason
    assert network.get("network", f"/v2.0/ports/{port}")["port"]["id"] == port
    network.call("DELETE", "network", f"/v2.0/ports/{port}")
    _clean_up(bays, bay)
