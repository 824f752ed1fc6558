# SPDX-License-Identifier: Apache-2.0
import dataclasses
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
