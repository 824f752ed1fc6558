# SPDX-License-Identifier: Apache-2.0
"""Every kind of cluster of every driver, judged by Heat's own code."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from magnum.drivers import registry
from tests.drivers import judges, matrix, specs

pytestmark = judges.needs_heat

CASES = [
    (driver.name, kind) for driver in registry.drivers() for kind in matrix.all_clusters(driver)
]
DRIVERS = {driver.name: driver for driver in registry.drivers()}


def as_sent(name: str, kind: str) -> dict[str, Any]:
    driver = DRIVERS[name]
    cluster = matrix.all_clusters(driver)[kind]
    driver.check(cluster.template)
    request = driver.create_request(cluster, specs.ACCESS)
    return {
        "template": request.template,
        "files": dict(request.files),
        "parameters": dict(request.parameters),
    }


@pytest.fixture(scope="module")
def answers() -> dict[tuple[str, str], dict[str, Any]]:
    return dict(zip(CASES, judges.ask_heat([as_sent(*case) for case in CASES]), strict=True))


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_heat_finds_every_request_valid(answers, case):
    assert answers[case]["error"] is None
    assert answers[case]["placeholders"] == []
    assert {"OS::Nova::Server", "OS::Heat::WaitCondition"} <= set(answers[case]["resources"])


TOKEN = "SWMTKN-1-fresh"


@pytest.fixture(scope="module")
def scaled() -> dict[str, dict[str, str]]:
    """What becomes of three managers and two workers that get a third and a fresh token."""
    driver = DRIVERS["swarm_fedora_atomic"]
    sent = as_sent("swarm_fedora_atomic", "full")
    sent["parameters"]["number_of_nodes"] = 2
    sent["update"] = driver.update_parameters(specs.spec(driver, 3, 3), [], TOKEN)
    (answer,) = judges.ask_heat([sent])
    assert answer["error"] is None
    return answer["servers"]


def test_an_update_with_a_fresh_token_touches_no_node_that_is_there(scaled):
    fates = {path: server["fate"] for path, server in scaled.items()}
    assert fates == {
        "first_master/server": "kept",
        "further_masters/0/server": "kept",
        "further_masters/1/server": "kept",
        "workers/0/server": "kept",
        "workers/1/server": "kept",
        "workers/2/server": "made",
    }


def test_a_fresh_token_is_given_to_new_workers_and_to_no_manager(scaled):
    assert f"JOIN_TOKEN='{TOKEN}'" in scaled["workers/2/server"]["user_data"]
    for path, server in scaled.items():
        assert (TOKEN in server["user_data"]) == path.startswith("workers/")


def test_heat_sees_when_a_fresh_token_would_rebuild_the_nodes_that_are_there():
    driver = DRIVERS["swarm_fedora_atomic"]
    sent = as_sent("swarm_fedora_atomic", "plain")
    _nested("policy: IGNORE", "policy: REPLACE")(sent)
    sent["update"] = driver.update_parameters(specs.spec(driver, 1, 2), [], TOKEN)
    (answer,) = judges.ask_heat([sent])
    fates = {path: server["fate"] for path, server in answer["servers"].items()}
    assert fates == {
        "first_master/server": "kept",
        "workers/0/server": "replaced",
        "workers/1/server": "made",
    }


def test_without_a_fresh_token_the_signalled_one_stays():
    driver = DRIVERS["swarm_fedora_atomic"]
    sent = as_sent("swarm_fedora_atomic", "plain")
    sent["update"] = driver.update_parameters(specs.spec(driver, 1, 2), [])
    (answer,) = judges.ask_heat([sent])
    assert "JOIN_TOKEN=''" in answer["servers"]["workers/1/server"]["user_data"]  # none yet


VOLUMES = {"OS::Cinder::Volume", "OS::Cinder::VolumeAttachment"}


def test_nodes_have_volumes_when_a_size_is_given(answers):
    for (name, kind), answer in answers.items():
        wanted = matrix.all_clusters(DRIVERS[name])[kind].template.docker_volume_size
        assert (set(answer["resources"]) & VOLUMES == VOLUMES) == bool(wanted), (name, kind)


def _parameter(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda sent: sent["parameters"].update(values)


def _property(resource: str, **values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda sent: sent["template"]["resources"][resource]["properties"].update(values)


def _nested(old: str, new: str) -> Callable[[dict[str, Any]], None]:
    def change(sent: dict[str, Any]) -> None:
        assert old in sent["files"]["node.yaml"]
        sent["files"]["node.yaml"] = sent["files"]["node.yaml"].replace(old, new)

    return change


def _load_balancer(sent: dict[str, Any]) -> None:
    sent["template"]["resources"]["pool"] = {
        "type": "OS::Neutron::Pool",
        "properties": {"protocol": "TCP", "lb_method": "ROUND_ROBIN", "vip": {"protocol_port": 1}},
    }


def _without_file(sent: dict[str, Any]) -> None:
    del sent["files"]["user_data_worker"]


FAULTS = {
    "unknown parameter": _parameter(colour="red"),
    "bad cidr": _parameter(fixed_network_cidr="10.0.0.0/99"),
    "unknown property": _property("subnet", colour="red"),
    "bad property of a node": _nested("policy: IGNORE", "policy: NEVER"),
    "bad time-out of a node": _nested("count: 1", "count: 0"),
    "missing file": _without_file,
    "no-op load balancer": _load_balancer,
}


@pytest.fixture(scope="module")
def refusals() -> dict[str, dict[str, Any]]:
    sent = []
    for change in FAULTS.values():
        broken = copy.deepcopy(as_sent(*CASES[0]))
        change(broken)
        sent.append(broken)
    return dict(zip(FAULTS, judges.ask_heat(sent), strict=True))


@pytest.mark.parametrize("fault", FAULTS)
def test_heat_finds_each_fault(refusals, fault):
    assert refusals[fault]["error"] or refusals[fault]["placeholders"]
