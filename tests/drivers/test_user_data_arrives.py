# SPDX-License-Identifier: Apache-2.0
"""From a cluster to the files of its nodes: rendered by us, filled in by Heat's own code, judged by
cloud-init's and Ignition's, and read by a shell."""

import json
import pathlib
import subprocess
from typing import Any

import pytest

from magnum.drivers import registry
from magnum.drivers.contract import StackRequest
from magnum.drivers.heat_driver import HeatDriver
from tests.drivers import judges, matrix, reader, specs

DRIVERS = [driver for driver in registry.drivers() if isinstance(driver, HeatDriver)]
HANDLE = json.dumps(
    {
        "alarm_url": "http://192.0.2.1:8004/v1/p%2Fq/stacks/s/signal?a=1&b=%20#part",
        "user_id": "stack-user",
        "password": "!@#%^&*%41%zz'\"\\ `$(id)`$HOME{}[]<>|~=",
    }
)
"""What no value of Heat's is worse than."""

VALUES = {
    "NODE_IP": "10.0.0.4",
    "NODE_PORT_ID": "0c3f9a52-6f1f-4d0e-9f57-3b6f0b1f8c11",
    "NODE_PUBLIC_IP": "198.51.100.4",
    "NODE_USER_ID": "a" * 32,
    "NODE_PASSWORD": "Az09._~+/=:-",
    "HEAT_SIGNAL": HANDLE,
    "CLUSTER_CIDR": "10.0.0.0/24",
    "DOCKER_VOLUME_ID": "5d12f6fd-a196-4bf0-ae4c-1f639a523a52",
    "MANAGER_IPS": "10.0.0.3,10.0.0.5",
    "JOIN_TOKEN": "SWMTKN-1-3pu6hszjas19xyp7ghgosyx9k8atbfcr8p2is99znpy26u2lkl-1awxwuwd3z9j",
    "TOKEN_SIGNAL": HANDLE.replace("stack-user", "other-user"),
}
ATTRIBUTES = {
    "port": VALUES["NODE_PORT_ID"],
    # As on a network of both kinds whose addresses of IPv6 are the first as texts.
    "port.fixed_ips": [{"ip_address": "0:db8::4"}, {"ip_address": VALUES["NODE_IP"]}],
    "floating_ip.floating_ip_address": VALUES["NODE_PUBLIC_IP"],
    "handle.signal": VALUES["HEAT_SIGNAL"],
    "port.subnets": [
        {"ip_version": 6, "cidr": "0:db8::/64"},
        {"ip_version": 4, "cidr": VALUES["CLUSTER_CIDR"]},
    ],
    "docker_volume": VALUES["DOCKER_VOLUME_ID"],
}
ROLES = {"user_data_first": "first", "user_data_master": "master", "user_data_worker": "worker"}
CASES = [
    (driver.name, kind, part.file)
    for driver in DRIVERS
    for kind in ("plain", "no-keypair", *matrix.rows_by_name())
    for part in driver.manifest.parts
]
BY_NAME = {driver.name: driver for driver in DRIVERS}

pytestmark = judges.needs_heat


def requested(name: str, kind: str) -> StackRequest:
    """Return what Heat is sent for one cluster."""
    driver = BY_NAME[name]
    return driver.create_request(matrix.all_clusters(driver)[kind], specs.ACCESS)


def lacking(name: str, kind: str) -> set[str]:
    """Return the variables that are empty on the nodes of a cluster."""
    own = requested(name, kind).parameters
    settings = {
        "NODE_PUBLIC_IP": own["floating_ip_enabled"],
        "DOCKER_VOLUME_ID": own.get("docker_volume_size", 0),
    }
    return {variable for variable, there in settings.items() if not there}


def sent(name: str, kind: str, file: str) -> dict[str, Any]:
    """Return what Heat knows when it makes one node's user data."""
    request = requested(name, kind)
    own = ("floating_ip_enabled", "docker_volume_size", "value_escapes")
    parameters = {
        **dict.fromkeys(("name", "cluster_uuid", "image", "flavor", "network"), "x"),
        "role": ROLES[file],
        "security_groups": [],
        "external_network": "public",
        "wait_condition_timeout": 60,
        "user_id": VALUES["NODE_USER_ID"],
        "password": VALUES["NODE_PASSWORD"],
        "manager_ips": VALUES["MANAGER_IPS"],
        "docker_volume_size": 0,  # what the template has where nothing is said
        "join_token": VALUES["JOIN_TOKEN"],
        "token_signal": VALUES["TOKEN_SIGNAL"],
        **{key: request.parameters[key] for key in own if key in request.parameters},
    }
    files = dict(request.files)
    return {
        "template": files["node.yaml"],
        "files": files,
        "parameters": parameters,
        "attributes": ATTRIBUTES,
    }


@pytest.fixture(scope="module")
def filled() -> dict[tuple[str, str, str], str]:
    """What Nova gets, by case."""
    answers = judges.ask_heat([sent(*case) for case in CASES])
    return {case: answer["user_data"] for case, answer in zip(CASES, answers, strict=True)}


def of_format(filled, wanted) -> dict[tuple[str, str, str], str]:
    return {
        case: text
        for case, text in filled.items()
        if BY_NAME[case[0]].manifest.user_data_format == wanted
    }


def test_every_two_settings_meet_in_some_row():
    rows = list(matrix.rows())
    assert set().union(*(matrix.pairs(row) for row in rows)) == matrix.all_pairs()
    assert len(rows) < 20


def test_every_value_arrives_intact(filled, tmp_path):
    assert set(filled) == set(CASES)
    file = tmp_path / "env"
    names = " ".join(f'"${name}"' for name in VALUES)
    for case, text in filled.items():
        assert "%%" not in text, case
        file.write_text(reader.read(text).files["/etc/magnum/node.env"])
        script = f". {file}; printf '%s\\n' {names}"
        run = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
        first = ROLES[case[2]] == "first"
        own = VALUES | ({"MANAGER_IPS": VALUES["NODE_IP"]} if first else {})
        own |= dict.fromkeys(lacking(*case[:2]), "")
        assert run.stdout.splitlines() == list(own.values()), case


@judges.needs_cloud_init
def test_cloud_init_finds_all_valid(filled):
    documents = of_format(filled, "cloud-config")
    assert {case[0] for case in documents} >= {"swarm_fedora_atomic", "swarm_ubuntu"}
    errors = judges.ask_cloud_init(list(documents.values()))
    assert {case: error for case, error in zip(documents, errors, strict=True) if error} == {}


@judges.needs_cloud_init
@pytest.mark.parametrize(
    ("old", "new"),
    [("permissions:", "permission:"), ("runcmd:\n- [", "runcmd: 5\n#"), ("gz+b64", "zip")],
)
def test_cloud_init_finds_each_fault(filled, old, new):
    text = filled["swarm_ubuntu", "plain", "user_data_worker"]
    assert old in text
    (error,) = judges.ask_cloud_init([text.replace(old, new)])
    assert error is not None
    assert error.startswith("SchemaValidationError")


@judges.needs_ignition_validate
def test_ignition_finds_all_valid(filled):
    documents = of_format(filled, "ignition")
    assert "swarm_coreos" in {case[0] for case in documents}
    reports = {case: judges.ask_ignition(text) for case, text in documents.items()}
    assert {case: report for case, report in reports.items() if report} == {}


@judges.needs_ignition_validate
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"3.3.0"', '"3.9.0"'),
        ('"/etc/magnum/steps"', '"steps"'),
        ('"gzip"', '"zip"'),
        ("data:;base64,", "data:;base64"),
        ("[Install]", "[Instal]"),
        ('"mode": 384', '"mode": "0600"'),
        ('"enabled": true', '"started": true'),
    ],
)
def test_ignition_finds_each_fault(filled, old, new):
    text = filled["swarm_coreos", "plain", "user_data_worker"]
    assert old in text
    assert judges.ask_ignition(text.replace(old, new))


@judges.needs_ignition
@pytest.mark.parametrize("file", ROLES)
def test_ignition_writes_what_was_meant(filled, tmp_path, file):
    text = filled["swarm_coreos", "no-keypair", file]
    meant = reader.read(text)
    root = judges.apply_ignition(text, tmp_path)
    for path, content in meant.files.items():
        written = root / path.lstrip("/")
        assert written.read_text() == content
        assert written.stat().st_mode & 0o777 == meant.modes[path]
    units = root / "etc/systemd/system"
    assert "ExecStart=/bin/sh /opt/magnum/bin/run-steps" in (
        (units / "magnum-node.service").read_text()
    )
    assert (units / "zincati.service").readlink() == pathlib.Path("/dev/null")
    presets = [path.read_text() for path in root.glob("etc/systemd/system-preset/*")]
    assert "enable magnum-node.service" in "".join(presets)
