# SPDX-License-Identifier: Apache-2.0
import dataclasses
from typing import Any

import pytest

from magnum.core.cluster import ClusterStatus
from magnum.core.errors import Invalid, InvalidField
from magnum.drivers.contract import Triple
from magnum.drivers.heat_driver import HeatDriver
from magnum.drivers.swarm.fedora_atomic.manifest import MANIFEST
from tests.drivers import checks, specs

DRIVER = HeatDriver(MANIFEST)


@pytest.mark.parametrize(
    "values",
    [
        {"network_driver": None, "volume_driver": None, "labels": {}, "docker_volume_size": 3},
        {"network_driver": "docker", "labels": {"K1": "V1"}, "apiserver_port": 8080},
        {"network_driver": "flannel", "docker_storage_driver": "devicemapper"},
        {"fixed_network": "192.168.0.0/24", "dns_nameserver": "192.0.2.53"},
        {"fixed_network": "private", "fixed_subnet": "sub"},
        {"fixed_network": "private", "dns_nameserver": "8.8.8.8"},  # clients send it unasked
        {"labels": {"flannel_network_cidr": "10.1.0.0/16", "flannel_network_subnetlen": "26"}},
        {"labels": {"flannel_backend": "vxlan"}},
    ],
)
def test_templates_of_old_suites_are_served(values):
    DRIVER.check(specs.template(DRIVER, **values))


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"network_driver": "calico"}, "network_driver"),
        ({"volume_driver": "cinder"}, "volume_driver"),
        ({"volume_driver": "rexray"}, "volume_driver"),
        ({"fixed_network": "private", "dns_nameserver": "192.0.2.53"}, "dns_nameserver"),
        ({"docker_storage_driver": "zfs"}, "docker_storage_driver"),
        ({"master_lb_enabled": True}, "master_lb_enabled"),
        ({"registry_enabled": True}, "registry_enabled"),
        ({"fixed_subnet": "sub"}, "fixed_subnet"),
        ({"fixed_network": "10.0.0.0/24", "fixed_subnet": "sub"}, "fixed_subnet"),
        ({"fixed_network": "0.0.0.0/0"}, "fixed_network"),
        (
            {"fixed_network": "0.0.0.0/0", "labels": {"flannel_network_cidr": "10.1.0.0/16"}},
            "fixed_network",
        ),
        ({"http_proxy": "http://a\nEnvironment=LD_PRELOAD=/x"}, "http_proxy"),
        ({"no_proxy": "ü"}, "no_proxy"),
        ({"insecure_registry": "registry.test:99999"}, "insecure_registry"),
    ],
)
def test_check_when_a_field_cannot_be_served_names_it(values, field):
    with pytest.raises(InvalidField) as caught:
        DRIVER.check(specs.template(DRIVER, **values))
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field} is ")


@pytest.mark.parametrize(
    ("labels", "fixed_network", "words"),
    [
        ({"flannel_backend": "udp"}, None, "flannel_backend is 'udp' but must be vxlan"),
        ({"flannel_network_subnetlen": "30"}, None, "subnetlen is '30' but must be an integer"),
        ({"flannel_network_subnetlen": "15"}, None, "subnetlen is '15' but must be at least 16"),
        ({"flannel_network_cidr": "10.1.0.0/26"}, None, "subnetlen is '24' but must be at least"),
        ({"flannel_network_cidr": "10.0.0.0/8"}, None, "common with 10.0.0.0/24, the network"),
        ({"flannel_network_cidr": "10.1.0.0/16"}, "10.1.2.0/24", "common with 10.1.2.0/24"),
    ],
)
def test_labels_that_no_overlay_network_can_follow_are_refused(labels, fixed_network, words):
    with pytest.raises(InvalidField, match=words):
        DRIVER.check(specs.template(DRIVER, labels=labels, fixed_network=fixed_network))


def test_what_is_refused_is_refused_with_a_reason():
    for field, value in (
        ("registry_enabled", True),
        ("master_lb_enabled", True),
        ("volume_driver", "rexray"),
    ):
        with pytest.raises(InvalidField, match=r"must be (false|left out), because "):
            DRIVER.check(specs.template(DRIVER, **{field: value}))


@pytest.mark.parametrize(
    ("fixed_network", "most"), [(None, 252), ("10.3.0.0/29", 4), ("private", 10**9)]
)
def test_nodes_that_find_no_address_are_refused(fixed_network, most):
    template = specs.template(DRIVER, fixed_network=fixed_network)
    DRIVER.check_count(template, 1, most - 1)
    if fixed_network == "private":
        return
    with pytest.raises(InvalidField, match=f"node_count is {most} but must fit, with 1 masters"):
        DRIVER.check_count(template, 1, most)


def test_create_request_without_an_external_network_names_it():
    with pytest.raises(Invalid, match="needs external_network_id"):
        DRIVER.create_request(specs.spec(DRIVER, external_network_id=None), specs.ACCESS)


def test_driver_tells_what_a_template_may_lack_and_a_cluster_cannot():
    assert set(DRIVER.needs) == {"image_id", "external_network_id"}


def test_create_request_is_tagged_named_and_bounded():
    spec = specs.spec(DRIVER)
    request = DRIVER.create_request(spec, specs.ACCESS)
    assert request.name == spec.stack_name
    assert request.tags == ("magnum", f"magnum-cluster-{spec.uuid}")
    assert request.timeout_minutes == 60
    assert specs.MASTER_PASSWORD not in repr(request)


def test_only_the_first_manager_makes_a_swarm():
    assert "/opt/magnum/bin/swarm_init.sh" in _files("user_data_first")
    for part in ("user_data_master", "user_data_worker"):
        assert "/opt/magnum/bin/swarm_join.sh" in _files(part)
        assert "/opt/magnum/bin/swarm_init.sh" not in _files(part)


def test_without_tls_nodes_ask_for_no_certificate():
    assert "/opt/magnum/bin/certificates.sh" in _files("user_data_worker")
    assert "/opt/magnum/bin/certificates.sh" not in _files("user_data_worker", tls_disabled=True)


def _files(part: str, **values: Any) -> str:
    return DRIVER.create_request(specs.spec(DRIVER, **values), specs.ACCESS).files[part]


def test_each_role_is_told_its_own_role():
    request = DRIVER.create_request(specs.spec(DRIVER), specs.ACCESS)
    assert "NODE_ROLE='master'" in checks.readable(request.files["user_data_first"])
    assert "NODE_ROLE='master'" in checks.readable(request.files["user_data_master"])
    assert "NODE_ROLE='worker'" in checks.readable(request.files["user_data_worker"])


def test_nodes_ask_for_the_very_certificate_they_may_have():
    text = checks.readable(_files("user_data_worker"))
    for role in ("master", "worker"):
        rule = DRIVER.node_certificate_rule(role)
        assert rule.common_names == ("swarm.invalid",)
        assert rule.organizations == ()
        assert rule.extended_key_usages == {"serverAuth"}  # a client certificate would be root's
    assert "CERTIFICATE_NAME='swarm.invalid'" in text
    assert "CERTIFICATE_USAGES='serverAuth'" in text


def test_update_sends_nothing_but_what_scaling_changes():
    assert DRIVER.update_parameters(specs.spec(DRIVER, nodes=4), ["id-1", "id-2"]) == {
        "number_of_nodes": 4,
        "nodes_to_remove": ["id-1", "id-2"],
    }


def test_update_hands_a_fresh_token_on():
    parameters = DRIVER.update_parameters(specs.spec(DRIVER, nodes=4), [], "SWMTKN-1-3a-b")
    assert parameters["worker_join_token"] == "SWMTKN-1-3a-b"


def test_update_with_a_token_that_breaks_out_of_quotes_is_refused():
    with pytest.raises(Invalid, match="not safe"):
        DRIVER.update_parameters(specs.spec(DRIVER), [], "SWMTKN-1'; reboot; '")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("first_master/ready", "bay-lujpn7nbs2ss-master"),
        ("first_master", "bay-lujpn7nbs2ss-master"),
        ("further_masters/1/server", "bay-lujpn7nbs2ss-master-1"),
        ("workers/12/ready", "bay-lujpn7nbs2ss-node-12"),
        ("workers/12", "bay-lujpn7nbs2ss-node-12"),
        ("workers", None),
        ("network", None),
        ("no/such/thing", None),
    ],
)
def test_node_name_is_that_of_the_server_a_resource_belongs_to(path, name):
    assert DRIVER.node_name(specs.spec(DRIVER), path) == name


@pytest.mark.parametrize(
    ("tls_disabled", "address"),
    [(False, "https://192.0.2.9:2376"), (True, "tcp://192.0.2.9:2376")],
)
def test_cluster_status_reads_the_outputs(tls_disabled, address):
    outputs = {
        "api_address": "192.0.2.9",
        "master_addresses": ["192.0.2.9"],
        "node_addresses": ["192.0.2.10", None],
        "more": 1,
    }
    spec = specs.spec(DRIVER, tls_disabled=tls_disabled)
    assert DRIVER.cluster_status(spec, outputs) == ClusterStatus(
        api_address=address, master_addresses=("192.0.2.9",), node_addresses=("192.0.2.10",)
    )


def test_cluster_status_tells_workers_by_name_also_those_without_a_server():
    server = "5d12f6fd-a196-4bf0-ae4c-1f639a523a52"
    maps = {
        "names": {"10": "w-10", "0": "w-0", "2": "w-2", "3": "w-3"},
        "servers": {"0": server, "2": "arn:openstack:heat::p:stacks/x/y", "3": None, "10": "10"},
    }
    seen = DRIVER.cluster_status(specs.spec(DRIVER), {"workers": maps}).workers
    assert [(each.member, each.name, each.server_id) for each in seen] == [
        ("0", "w-0", server),
        ("2", "w-2", None),
        ("3", "w-3", None),
        ("10", "w-10", None),
    ]
    assert [each.removal for each in seen] == [server, "2", "3", "10"]


@pytest.mark.parametrize("workers", [None, {}, {"names": None, "servers": None}])
def test_cluster_status_without_workers_has_none(workers):
    assert DRIVER.cluster_status(specs.spec(DRIVER), {"workers": workers}).workers == ()


@pytest.mark.parametrize("outputs", [{}, {"api_address": None, "node_addresses": None}])
def test_cluster_status_of_an_unfinished_stack_is_empty(outputs):
    assert DRIVER.cluster_status(specs.spec(DRIVER), outputs) == ClusterStatus()


def test_a_manifest_for_another_system_changes_only_what_it_says():
    other = MANIFEST.on("x", Triple("vm", "other", "swarm"), user_data_format="cloud-config")
    assert dataclasses.replace(other, name=MANIFEST.name, provides=MANIFEST.provides) == MANIFEST
