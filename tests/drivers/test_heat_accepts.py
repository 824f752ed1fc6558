# SPDX-License-Identifier: Apache-2.0
"""Every kind of cluster of every driver, judged by Heat's own code.

Wants the virtual environment of the mini cloud, below ``MINICLOUD_PREFIX``; opens no socket.
"""

import copy
import json
import os
import pathlib
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from magnum.drivers import registry
from tests.drivers import specs

PREFIX = pathlib.Path(os.environ.get("MINICLOUD_PREFIX", "/opt/minicloud"))
PYTHON = PREFIX / "venv" / "bin" / "python"
HEAT_CODE = pathlib.Path(__file__).parent / "heat_code.py"
TIMEOUT_SECONDS = 300

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason=f"needs Heat's code, {PYTHON} does not exist"
)

CASES = [(driver.name, kind) for driver in registry.drivers() for kind in specs.matrix(driver)]
DRIVERS = {driver.name: driver for driver in registry.drivers()}


def ask(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Let Heat judge requests, all in one process, because its start takes seconds."""
    run = subprocess.run(
        [PYTHON, HEAT_CODE],
        input=json.dumps(requests, default=str),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def as_sent(name: str, kind: str) -> dict[str, Any]:
    driver = DRIVERS[name]
    request = driver.create_request(specs.matrix(driver)[kind], specs.ACCESS)
    return {
        "template": request.template,
        "files": dict(request.files),
        "parameters": dict(request.parameters),
    }


@pytest.fixture(scope="module")
def answers() -> dict[tuple[str, str], dict[str, Any]]:
    return dict(zip(CASES, ask([as_sent(*case) for case in CASES]), strict=True))


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_heat_finds_every_request_valid(answers, case):
    assert answers[case]["error"] is None
    assert answers[case]["placeholders"] == []
    assert {"OS::Nova::Server", "OS::Heat::WaitCondition"} <= set(answers[case]["resources"])


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
    return dict(zip(FAULTS, ask(sent), strict=True))


@pytest.mark.parametrize("fault", FAULTS)
def test_heat_finds_each_fault(refusals, fault):
    assert refusals[fault]["error"] or refusals[fault]["placeholders"]
