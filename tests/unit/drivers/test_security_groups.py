# SPDX-License-Identifier: Apache-2.0
"""Which packets a swarm's nodes take, from whom; whatever is not in the tables is dropped.

Source: the ports of swarm mode in Docker's documentation.
"""

from typing import Any

import pytest

from magnum.drivers import registry
from magnum.drivers.heat_driver import HeatDriver
from tests.drivers import specs, templates

SWARMS = [
    driver
    for driver in registry.drivers()
    if isinstance(driver, HeatDriver) and driver.provides[0].coe == "swarm"
]
EVERYBODY = "everybody"
NODES = "node_group"

EVERY_NODE = {
    ("tcp", 7946, 7946, NODES),  # gossip
    ("udp", 7946, 7946, NODES),
    ("udp", 4789, 4789, NODES),  # packets of overlay networks
}
MANAGERS_BESIDES = {
    ("tcp", 2376, 2376, EVERYBODY),  # the API, which asks for a certificate
    ("tcp", 2377, 2377, NODES),  # joining, and managers among themselves
}
WITH_KEYPAIR = {("tcp", 22, 22, EVERYBODY)}
WITH_TLS = {("tcp", 2376, 2376, EVERYBODY)}  # for the service, which makes containers there

each_swarm = pytest.mark.parametrize("driver", SWARMS, ids=lambda driver: driver.name)
each_kind = pytest.mark.parametrize("kind", specs.matrix(SWARMS[0]))


def rule_of(rule: dict[str, Any], group: str) -> tuple[str, int, int, str]:
    """Return protocol, first and last port, and who may send."""
    assert rule.get("direction", "ingress") == "ingress"
    assert rule.get("ethertype", "IPv4") == "IPv4"
    assert "remote_ip_prefix" not in rule
    remote = EVERYBODY
    if rule.get("remote_mode") == "remote_group_id":
        remote = rule.get("remote_group_id", {"get_resource": group})["get_resource"]
    return rule["protocol"], rule["port_range_min"], rule["port_range_max"], remote


def opened(
    template: dict[str, Any], conditions: dict[str, bool]
) -> dict[str, set[tuple[Any, ...]]]:
    """Return the rules of each security group, of single resources too."""
    rules: dict[str, set[tuple[Any, ...]]] = {}
    for name, resource in template["resources"].items():
        properties = resource.get("properties", {})
        if resource["type"] == "OS::Neutron::SecurityGroup":
            rules.setdefault(name, set()).update(
                rule_of(rule, name) for rule in properties["rules"]
            )
        single = resource["type"] == "OS::Neutron::SecurityGroupRule"
        if single and conditions[resource["condition"]]:
            group = properties["security_group"]["get_resource"]
            rules.setdefault(group, set()).add(rule_of(properties, group))
    return rules


@each_swarm
@each_kind
def test_only_what_a_swarm_needs_is_open(driver, kind):
    request = driver.create_request(specs.matrix(driver)[kind], specs.ACCESS)
    has_keypair = request.parameters["ssh_enabled"]
    assert has_keypair == (kind != "no-keypair")
    has_tls = not request.parameters["tls_disabled"]
    assert has_tls == (kind != "no-tls")
    conditions = {"has_ssh": has_keypair, "has_tls": has_tls}
    besides = (WITH_KEYPAIR if has_keypair else set()) | (WITH_TLS if has_tls else set())
    assert opened(request.template, conditions) == {
        "node_group": EVERY_NODE | besides,
        "master_group": MANAGERS_BESIDES,
    }


@each_swarm
def test_nodes_are_in_the_groups_of_their_role_and_in_no_other(driver):
    template = driver.create_request(specs.spec(driver), specs.ACCESS).template
    groups = {
        resource["properties"]["role"]: [
            group["get_resource"] for group in resource["properties"]["security_groups"]
        ]
        for _, resource in templates.resources(template)
        if resource["type"] == "node.yaml"
    }
    assert groups == {
        "first": ["node_group", "master_group"],
        "master": ["node_group", "master_group"],
        "worker": ["node_group"],
    }
