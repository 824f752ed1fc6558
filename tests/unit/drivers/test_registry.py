# SPDX-License-Identifier: Apache-2.0
import dataclasses
import pathlib
from typing import Any

import pytest

from magnum.core.errors import UnsupportedDriver
from magnum.drivers import registry
from magnum.drivers.contract import Triple
from magnum.drivers.registry import Registry
from magnum.drivers.swarm.fedora_atomic.manifest import MANIFEST


def test_driver_for_finds_the_driver_of_a_triple():
    assert registry.driver_for("vm", "fedora-atomic", "swarm").name == "swarm_fedora_atomic"


def test_driver_for_when_there_is_none_lists_what_there_is():
    with pytest.raises(UnsupportedDriver) as caught:
        Registry([MANIFEST]).driver_for("vm", "coreos", "mesos")
    assert str(caught.value) == (
        "No driver makes clusters of coe mesos, os_distro coreos and server_type vm, "
        "there are: swarm on fedora-atomic (vm)."
    )


def test_two_drivers_of_one_triple_are_an_error_that_names_both():
    twin = dataclasses.replace(MANIFEST, name="twin")
    with pytest.raises(ValueError, match="swarm_fedora_atomic and twin both claim swarm on"):
        Registry([MANIFEST, twin])


def test_a_driver_of_another_package_need_not_be_a_manifest():
    class Foreign:
        name = "foreign"
        provides = (Triple("vm", "own", "own"),)

    foreign: Any = Foreign()
    found = Registry([MANIFEST, foreign]).driver_for("vm", "own", "own")
    assert found.name == "foreign"


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        (["all"], True),
        (["swarm_fedora_atomic"], True),
        (["magnum_vm_coreos_k8s", "magnum_vm_atomic_swarm"], True),
        (["magnum_vm_coreos_k8s"], False),
        ([], False),
    ],
)
def test_driver_is_enabled_by_its_name_of_today_or_of_2015(listed: list[str], expected: bool):
    (driver,) = Registry([MANIFEST]).drivers()
    assert registry.is_enabled(driver, listed) is expected


def test_driver_that_is_not_enabled_is_refused_with_those_that_are():
    other = dataclasses.replace(MANIFEST, name="other", provides=(Triple("vm", "own", "own"),))
    drivers = Registry([MANIFEST, other])
    assert drivers.enabled_driver_for("vm", "own", "own", ["other"]).name == "other"
    with pytest.raises(UnsupportedDriver) as caught:
        drivers.enabled_driver_for("vm", "fedora-atomic", "swarm", ["other"])
    assert str(caught.value) == (
        "This site does not offer clusters of swarm on fedora-atomic (vm), it offers: "
        "own on own (vm)."
    )


def test_names_that_no_driver_has_are_found():
    listed = ["all", "swarm_fedora_atomic", "magnum_vm_atomic_swarm", "swarm_fedora", "nomad"]
    assert registry.unknown_names(listed) == ["swarm_fedora", "nomad"]


def test_path_of_the_template_leads_to_it():
    (driver,) = Registry([MANIFEST]).drivers()
    assert "heat_template_version" in pathlib.Path(driver.template_path).read_text()
