# SPDX-License-Identifier: Apache-2.0
"""Find the driver of a cluster.

Drivers come in by the entry-point group :data:`GROUP`, ours and those of other packages alike:
each entry is a ``DriverManifest``, or an object that is a ``Driver`` itself.  They are loaded once
a process.  Called by the API, for what it may accept, and by the conductor.
"""

import functools
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import stevedore

from magnum.core.errors import UnsupportedDriver, first_sentence
from magnum.drivers.contract import Driver, Triple
from magnum.drivers.heat_driver import HeatDriver
from magnum.drivers.manifest import DriverManifest

GROUP = "magnum.drivers"

ALL = "all"
"""Stands for every driver in a list of enabled ones."""

DEFINITIONS: Mapping[str, Triple] = {
    "magnum_vm_atomic_k8s": Triple("vm", "fedora-atomic", "kubernetes"),
    "magnum_vm_coreos_k8s": Triple("vm", "coreos", "kubernetes"),
    "magnum_vm_atomic_swarm": Triple("vm", "fedora-atomic", "swarm"),
    "magnum_vm_ubuntu_mesos": Triple("vm", "ubuntu", "mesos"),
    "magnum_bm_fedora_k8s": Triple("bm", "fedora", "kubernetes"),
}
"""By the names of 2015, what each definition provided; configurations still have them."""


class Registry:
    """Drivers by what they provide."""

    def __init__(self, entries: Iterable[DriverManifest | Driver]) -> None:
        """Take drivers in.

        :raises ValueError: two of them claim the same triple.
        """
        self._by_triple: dict[Triple, Driver] = {}
        self._drivers: list[Driver] = []
        for entry in entries:
            self._add(HeatDriver(entry) if isinstance(entry, DriverManifest) else entry)

    def _add(self, driver: Driver) -> None:
        for triple in driver.provides:
            other = self._by_triple.get(triple)
            if other is not None:
                raise ValueError(f"drivers {other.name} and {driver.name} both claim {triple}")
            self._by_triple[triple] = driver
        self._drivers.append(driver)

    def drivers(self) -> tuple[Driver, ...]:
        """List the drivers, in the order in which they came."""
        return tuple(self._drivers)

    def driver_for(self, server_type: str, os: str, coe: str) -> Driver:
        """Find the driver of a cluster.

        :raises UnsupportedDriver: there is none (400 at the API).
        """
        wanted = Triple(server_type, os, coe)
        driver = self._by_triple.get(wanted)
        if driver is None:
            known = ", ".join(sorted(str(triple) for triple in self._by_triple)) or "none"
            raise UnsupportedDriver(
                f"No driver makes clusters of coe {coe}, os_distro {first_sentence(os)} and "
                f"server_type {first_sentence(server_type)}, there are: {known}."
            )
        return driver

    def enabled_driver_for(
        self, server_type: str, os: str, coe: str, listed: Collection[str]
    ) -> Driver:
        """Find the driver of a new cluster.

        :param listed: names of enabled drivers, see :func:`is_enabled`.
        :raises UnsupportedDriver: there is none, or the site has disabled it (400 at the API).
        """
        driver = self.driver_for(server_type, os, coe)
        if not is_enabled(driver, listed):
            enabled = (one for one in self._drivers if is_enabled(one, listed))
            triples = sorted(str(triple) for one in enabled for triple in one.provides)
            raise UnsupportedDriver(
                f"This site does not offer clusters of {Triple(server_type, os, coe)}, it offers: "
                f"{', '.join(triples) or 'none'}."
            )
        return driver


def is_enabled(driver: Driver, listed: Collection[str]) -> bool:
    """Tell whether a driver is one of those listed, by whichever of its names."""
    return ALL in listed or not listed_names(driver).isdisjoint(listed)


def listed_names(driver: Driver) -> set[str]:
    """Return the names that enable a driver: its own, and those of 2015 for what it provides."""
    former = {name for name, triple in DEFINITIONS.items() if triple in driver.provides}
    return {driver.name, *former}


@functools.cache
def installed() -> Registry:
    """Load the drivers of all installed packages, once.

    :raises Exception: whatever the import of an entry raises; a broken driver must not hide.
    """
    manager: stevedore.ExtensionManager[Any] = stevedore.ExtensionManager(
        GROUP, on_load_failure_callback=_fail
    )
    entries: list[Any] = [manager[name].plugin for name in sorted(manager.names())]
    return Registry(entries)


def _fail(manager: object, entry_point: object, error: BaseException) -> None:
    raise error


def drivers() -> tuple[Driver, ...]:
    """List the installed drivers."""
    return installed().drivers()


def driver_for(server_type: str, os: str, coe: str) -> Driver:
    """Find the installed driver of a cluster, see :meth:`Registry.driver_for`."""
    return installed().driver_for(server_type, os, coe)


def enabled_driver_for(server_type: str, os: str, coe: str, listed: Collection[str]) -> Driver:
    """Find the driver of a new cluster, see :meth:`Registry.enabled_driver_for`."""
    return installed().enabled_driver_for(server_type, os, coe, listed)


def unknown_names(listed: Iterable[str]) -> list[str]:
    """Return those of the names listed as enabled that no installed driver has."""
    known = {ALL}.union(*map(listed_names, drivers()))
    return [name for name in listed if name not in known]
