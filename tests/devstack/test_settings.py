# SPDX-License-Identifier: Apache-2.0
"""Which services are enabled, by the names that this DevStack has for them."""

import pytest

from tests.devstack.conftest import New

HEAT = {"h-eng", "h-api", "h-api-cfn"}
AGENTS = {"q-agt", "q-dhcp", "q-l3", "q-meta"}
OVN = {"ovn-northd", "ovn-controller", "ovs-vswitchd", "ovsdb-server"}
BASE = "key,mysql,rabbit"


def test_heat_and_our_own_services_are_on_and_nova_network_is_off(new: New) -> None:
    machine = new(ENABLED_SERVICES=f"{BASE},n-net")
    machine.run("unstack")
    assert HEAT | {"magnum-api", "magnum-cond", "neutron"} <= machine.enabled
    assert not {"n-net", "h-api-cw", "m-api", "m-cond"} & machine.enabled


def test_neutron_of_2015_has_agents(in_2015: New) -> None:
    machine = in_2015()
    machine.run("unstack")
    assert AGENTS | {"q-svc"} <= machine.enabled


def test_neutron_of_today_is_ovns_which_bears_no_agents(today: New) -> None:
    machine = today()
    machine.run("unstack")
    assert OVN | {"q-svc", "q-ovn-agent"} <= machine.enabled
    assert not AGENTS & machine.enabled


@pytest.mark.parametrize("local", [{}, {"Q_AGENT": "ovn"}])
def test_ovn_is_enabled_whole_where_the_operator_lists_services(
    today: New, local: dict[str, str]
) -> None:
    machine = today(ENABLED_SERVICES=BASE, **local)
    machine.run("unstack")
    assert OVN | {"q-svc", "q-ovn-agent"} <= machine.enabled
    assert not AGENTS & machine.enabled


def test_former_name_of_ovns_metadata_agent_is_kept(today: New) -> None:
    machine = today(ENABLED_SERVICES=f"{BASE},q-svc,ovn-controller,q-ovn-metadata-agent")
    machine.run("unstack")
    assert "q-ovn-metadata-agent" in machine.enabled
    assert "q-ovn-agent" not in machine.enabled


@pytest.mark.parametrize(
    "local",
    [
        {"Q_AGENT": "openvswitch", "ENABLED_SERVICES": BASE},
        {"ENABLED_SERVICES": f"{BASE},q-svc,q-agt"},
    ],
)
def test_agents_of_today_where_the_operator_chose_them(today: New, local: dict[str, str]) -> None:
    machine = today(**local)
    machine.run("unstack")
    assert AGENTS | {"q-svc"} <= machine.enabled
    assert not OVN & machine.enabled


def test_other_family_of_names_is_not_mixed_with_the_first(today: New) -> None:
    machine = today(ENABLED_SERVICES=f"{BASE},neutron-api,neutron-agent")
    machine.run("unstack")
    agents = {"neutron-agent", "neutron-dhcp", "neutron-l3", "neutron-metadata-agent"}
    assert agents | {"neutron-api"} <= machine.enabled
    assert not {name for name in machine.enabled if name.startswith("q-")}


def test_load_balancing_is_neutrons_where_devstack_has_that(in_2015: New) -> None:
    machine = in_2015()
    machine.run("unstack")
    assert "q-lbaas" in machine.enabled


def test_load_balancing_is_octavias_where_its_plugin_is(today: New) -> None:
    machine = today(DEVSTACK_PLUGINS="barbican,octavia,magnum")
    machine.run("unstack")
    assert {"octavia", "o-api", "o-cw", "o-hm", "o-hk", "o-da"} <= machine.enabled
    assert "q-lbaas" not in machine.enabled


def test_load_balancing_is_left_out_without_that_plugin(today: New) -> None:
    machine = today(DEVSTACK_PLUGINS="barbican,magnum")
    machine.run("unstack")
    assert not {"octavia", "o-api", "q-lbaas"} & machine.enabled


def test_names_of_2015_for_our_services_are_kept(new: New) -> None:
    machine = new(ENABLED_SERVICES=f"{BASE},m-api,m-cond")
    machine.run("stack")
    assert not {"magnum-api", "magnum-cond"} & machine.enabled
    assert machine.lines("running") == ["m-api", "m-cond"]
    machine.run("unstack")
    assert machine.lines("running") == []


def test_what_the_operator_disabled_stays_off(new: New) -> None:
    machine = new(DISABLED_SERVICES="magnum-cond")
    machine.run("stack")
    assert machine.lines("running") == ["magnum-api"]


def test_nothing_happens_where_both_are_off(new: New) -> None:
    machine = new(DISABLED_SERVICES="magnum-api,magnum-cond")
    ran = machine.run("stack")
    assert {first for first, *_ in ran.calls} <= {"define_plugin"}
    assert not machine.config.exists()
