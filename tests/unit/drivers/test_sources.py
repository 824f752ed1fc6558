# SPDX-License-Identifier: Apache-2.0
import dataclasses

import pytest

from magnum.core.errors import Invalid
from magnum.drivers import registry, sources
from magnum.drivers.manifest import Binding
from tests.drivers import specs

DRIVER = registry.drivers()[0]
RULE = DRIVER.node_certificate_rule("master")


@pytest.mark.parametrize(
    ("fixed_network", "own", "existing"),
    [
        (None, "10.0.0.0/24", None),
        ("192.168.0.0/24", "192.168.0.0/24", None),
        ("private", None, "private"),
        ("a/b", None, "a/b"),
        ("10.0.0.0", None, "10.0.0.0"),
        ("10.0.0.0/0.0.0.255", None, "10.0.0.0/0.0.0.255"),
    ],
)
def test_fixed_network_is_a_cidr_or_a_network_that_is_there(fixed_network, own, existing):
    assert sources.own_cidr(fixed_network) == own
    if fixed_network is not None:
        assert sources.existing_network(fixed_network) == existing


@pytest.mark.parametrize(
    ("fixed_network", "pool"),
    [
        (None, "10.100.0.0/16"),
        ("private", "10.100.0.0/16"),
        ("10.100.7.0/24", "172.30.0.0/16"),
        ("10.0.0.0/8", "172.30.0.0/16"),
        ("172.16.0.0/12", "10.100.0.0/16"),
    ],
)
def test_overlay_pool_keeps_clear_of_the_nodes(fixed_network, pool):
    assert sources.overlay_pool(specs.template(DRIVER, fixed_network=fixed_network)) == pool


def test_overlay_networks_get_their_addresses_from_the_labels():
    asked = {"flannel_network_cidr": "10.7.0.0/20", "flannel_network_subnetlen": "26"}
    assert sources.overlay_pool(specs.template(DRIVER, labels=asked)) == "10.7.0.0/20"
    assert sources.overlay_prefix_length(asked) == 26
    assert sources.has_overlay_labels(asked) == "true"
    assert sources.overlay_prefix_length({"K1": "V1"}) == 24
    assert sources.has_overlay_labels({"K1": "V1"}) == "false"


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("bay", "bay"),
        ("My.Bay_1", "my-bay-1"),
        ("-.-", "node"),
        ("a" * 242, "a" * 20),
        ("a" * 19 + "..b", "a" * 19),
    ],
)
def test_node_prefix_is_a_short_host_name(name, prefix):
    cluster = dataclasses.replace(specs.spec(DRIVER), name=name)
    assert sources.node_prefix(cluster) == f"{prefix}-lujpn7nbs2ss"


@pytest.mark.parametrize(("minutes", "seconds"), [(1, 60), (60, 3600), (100000, 43200)])
def test_wait_seconds_keeps_within_heat_s_bounds(minutes, seconds):
    assert sources.wait_seconds(minutes) == seconds


def test_bind_leaves_out_what_is_not_set():
    root = sources.Sources(specs.spec(DRIVER), specs.ACCESS, RULE, "master")
    rows = (Binding("a", "template.flavor_id"), Binding("b", "template.flavor_id", "lower"))
    assert sources.bind(root, rows) == {}


def test_bind_when_a_required_value_is_missing_names_the_field():
    root = sources.Sources(specs.spec(DRIVER), specs.ACCESS, RULE, "master")
    with pytest.raises(Invalid, match="needs flavor_id"):
        sources.bind(root, (Binding("a", "template.flavor_id", required=True),))


def test_find_gives_a_label_or_none():
    spec = specs.spec(DRIVER, labels={"docker_url": "http://mirror/docker.tgz"})
    root = sources.Sources(spec, specs.ACCESS, RULE, "master")
    assert sources.find(root, "template.labels.docker_url") == "http://mirror/docker.tgz"
    assert sources.find(root, "template.labels.curl_url") is None
