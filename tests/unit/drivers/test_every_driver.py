# SPDX-License-Identifier: Apache-2.0
"""Laws that every registered driver keeps, and proof that each law can be broken."""

import copy
import dataclasses
import functools
import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest

from magnum.core.cluster import NodeAccess, NodeUser
from magnum.core.errors import Invalid
from magnum.drivers import registry
from magnum.drivers.contract import Driver, StackRequest
from magnum.drivers.heat_driver import HeatDriver
from magnum.drivers.manifest import Binding, DriverManifest, Output
from tests.drivers import checks, specs

GOLDEN = pathlib.Path(__file__).parent / "golden"
DRIVERS = [driver for driver in registry.drivers() if isinstance(driver, HeatDriver)]
KINDS = list(specs.matrix(DRIVERS[0]))

each_driver = pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)


@functools.cache  # laws read it, and what breaks it takes a copy
def request_of(driver: Driver, kind: str = "full") -> StackRequest:
    return driver.create_request(specs.matrix(driver)[kind], specs.ACCESS)


def test_our_drivers_are_registered():
    swarm = {"swarm_coreos", "swarm_fedora_atomic", "swarm_ubuntu"}
    assert swarm <= {driver.name for driver in DRIVERS}


@each_driver
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("law", checks.ALL, ids=lambda law: law.__name__)
def test_every_driver_keeps_the_law(driver, kind, law):
    assert list(law(driver.manifest, request_of(driver, kind))) == []


@each_driver
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_cluster_makes_the_same_request(driver, kind):
    first, second = request_of(driver, kind), request_of.__wrapped__(driver, kind)
    assert first == second


@each_driver
def test_names_accepted_by_the_api_of_2015_are_accepted(driver):
    for field in ("network_drivers", "volume_drivers", "storage_drivers"):
        for name in getattr(driver.manifest, field):
            single = {"storage_drivers": "docker_storage_driver"}.get(field, field[:-1])
            driver.check(specs.template(driver, **{single: name}))


@each_driver
def test_parameters_are_the_golden_ones(driver):
    """Delete the file and run again to accept a change; look at the difference."""
    sent = {kind: dict(request_of(driver, kind).parameters) for kind in KINDS}
    path = GOLDEN / f"{driver.name}.json"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(sent, indent=2, sort_keys=True) + "\n")
        pytest.fail(f"wrote {path}, commit it if it is right")
    assert sent == json.loads(path.read_text())


@each_driver
def test_passwords_that_break_out_of_quotes_are_refused(driver):
    bad = NodeAccess("http://x/v3", "http://x/v1", NodeUser("a", "it's"), NodeUser("b", "c"))
    with pytest.raises(Invalid, match="not safe"):
        driver.create_request(specs.spec(driver), bad)


def _manifest(**changes: Any) -> Callable[[DriverManifest, StackRequest], tuple]:
    return lambda manifest, request: (dataclasses.replace(manifest, **changes), request)


def _resource(resource: str, /, **properties: object) -> Callable:
    def change(manifest, request):
        request.template["resources"][resource]["properties"].update(properties)
        return manifest, request

    return change


def _nested(old: str, new: str) -> Callable:
    def change(manifest, request):
        assert old in request.files["node.yaml"]
        request.files["node.yaml"] = request.files["node.yaml"].replace(old, new)
        return manifest, request

    return change


def _show(parameter: str) -> Callable:
    def change(manifest, request):
        request.template["parameters"][parameter]["hidden"] = False
        return manifest, request

    return change


def _sent(**parameters: object) -> Callable:
    def change(manifest, request):
        return manifest, dataclasses.replace(
            request, parameters={**request.parameters, **parameters}
        )

    return change


def _member(**properties: object) -> Callable:
    def change(manifest, request):
        group = request.template["resources"]["workers"]["properties"]["resource_def"]
        group["properties"].update(properties)
        return manifest, request

    return change


def _file(name: str, old: str, new: str) -> Callable:
    def change(manifest, request):
        assert old in request.files[name]
        request.files[name] = request.files[name].replace(old, new)
        return manifest, request

    return change


BY_NAME = {driver.name: driver for driver in DRIVERS}
BASE = BY_NAME["swarm_fedora_atomic"].manifest
FAULTS = {
    "unbound": (checks.parameters, _manifest(parameters=BASE.parameters[1:])),
    "unknown": (
        checks.parameters,
        _manifest(parameters=(*BASE.parameters, Binding("x", "cluster.uuid"))),
    ),
    "no source": (
        checks.source_paths,
        _manifest(parameters=(Binding("image", "template.picture"),)),
    ),
    "no transform": (
        checks.source_paths,
        _manifest(environment=(Binding("A", "cluster.uuid", "shorten"),)),
    ),
    "no output": (checks.outputs, _manifest(outputs=(Output("adress", "api_address"),))),
    "no field": (checks.outputs, _manifest(outputs=(Output("api_address", "address"),))),
    "not nested": (checks.references, _resource("first_master", colour="red")),
    "undeclared": (checks.references, _nested("{get_param: user_id}", "{get_param: user}")),
    "no file": (checks.references, _nested("user_data_worker", "user_data_slave")),
    "rebuilt": (checks.resource_rules, _nested("policy: IGNORE", "policy: REPLACE")),
    "dying signal": (checks.resource_rules, _nested("HEAT_SIGNAL\n", "TOKEN_SIGNAL\n")),
    "keypair": (checks.resource_rules, _nested("config_drive: true", "key_name: k")),
    "shown": (checks.hidden_parameters, _show("worker_password")),
    "shown token": (checks.hidden_parameters, _show("worker_join_token")),
    "nested shown": (
        checks.nested_secrets,
        _nested("{type: string, hidden: true}", "{type: string}"),
    ),
    "secret file": (checks.files_without_secrets, _nested("# One", f"# {specs.WORKER_PASSWORD}")),
    "secret output": (
        checks.outputs_without_secrets,
        _nested("value: {get_resource: server}", "value: {get_param: password}"),
    ),
    "manager token": (checks.worker_secrets, _member(join_token={"get_attr": ["token", "data"]})),
    "manager secret": (
        checks.worker_secrets,
        _member(name={"list_join": ["-", [{"get_param": "master_password"}]]}),
    ),
    "manager password": (
        checks.passwords,
        _member(password={"get_param": "master_password"}),
    ),
    "manager password aside": (
        checks.passwords,
        _member(name={"list_join": ["-", [{"get_param": "master_password"}]]}),
    ),
    "worker password": (
        checks.passwords,
        _resource("first_master", password={"get_param": "worker_password"}),
    ),
    "no password": (
        checks.passwords,
        _nested("'%%NODE_PASSWORD%%': {get_param: password}", "'%%NODE_PASSWORD%%': ''"),
    ),
    "readable": (checks.node_files, _file("user_data_worker", "'0600'", "'0644'")),
    "stranger": (checks.node_files, _file("user_data_worker", "runcmd:", "runcmdx:")),
    "secret parameter": (checks.hidden_parameters, _sent(node_prefix=specs.MASTER_PASSWORD)),
    "no step": (checks.node_steps, _file("user_data_worker", "bin/docker.sh", "bin/podman.sh")),
    "no input": (checks.node_steps, _file("user_data_worker", "/cluster.env", "/other.env")),
    "no label": (
        checks.source_paths,
        _manifest(environment=(Binding("A", "template.labels.dcoker_url"),)),
    ),
    "no command": (checks.node_files, _file("user_data_worker", "bin/run-steps", "bin/run")),
    "other format": (checks.node_files, _manifest(user_data_format="ignition")),
    "other escapes": (checks.escapes, _sent(value_escapes={})),
    "no escapes": (checks.escapes, _member(value_escapes={})),
    "unfilled": (checks.placeholders, _nested("'%%JOIN_TOKEN%%'", "'%%TOKEN%%'")),
    "long": (
        checks.server_names,
        _resource("first_master", name={"list_join": ["-", [{}, "x" * 40]]}),
    ),
}


def _copy(request: StackRequest) -> StackRequest:
    return dataclasses.replace(
        request, template=copy.deepcopy(request.template), files=dict(request.files)
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_each_law_catches_its_fault(fault):
    law, break_it = FAULTS[fault]
    request = _copy(request_of(BY_NAME[BASE.name]))
    assert list(law(BASE, request)) == []
    assert list(law(*break_it(BASE, request))) != []


IGNITION_FAULTS = {
    "readable": (checks.node_files, _file("user_data_worker", '"mode": 384', '"mode": 420')),
    "stranger": (checks.node_files, _file("user_data_worker", '"passwd":', '"password":')),
    "no command": (checks.node_files, _file("user_data_worker", '"enabled": true', '"mask": true')),
    "no step": (checks.node_steps, _file("user_data_worker", "bin/docker.sh", "bin/podman.sh")),
}


@pytest.mark.parametrize("fault", IGNITION_FAULTS)
def test_each_law_of_user_data_catches_its_fault_in_ignition(fault):
    law, break_it = IGNITION_FAULTS[fault]
    driver = BY_NAME["swarm_coreos"]
    request = _copy(request_of(driver))
    assert list(law(driver.manifest, request)) == []
    assert list(law(*break_it(driver.manifest, request))) != []
