# SPDX-License-Identifier: Apache-2.0
"""Conductors killed with SIGKILL, at every place where it could matter.

A conductor that is to die gets the operation: whoever has to take over is started only when it is
dead, with one conductor, and is held for a moment while the operation is asked for, with two.
"""

import itertools
import os
import pathlib
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from deployment import inventory
from deployment.cloud import Cloud, User
from deployment.processes import Process
from deployment.service import Deployment, wrapped_with
from tests.functional.bays import Bays

pytestmark = pytest.mark.usefixtures("alone", "nothing_left")

LEASE = 2
CLAIM = 1.0  # seconds within which a conductor that is told of an operation has claimed it
TAKE_OVER = 30  # seconds after the lease's end within which another conductor is at work
HEATS_OWN = 60  # seconds that Heat may take for what is left to do

# What changes outside during each operation, in order; a death after each.
CREATE_CHANGES = ("role", "CA", "certificate", "master user", "worker user", "stack")
UPDATE_CHANGES = ("role", "stack")
DELETE_CHANGES = ("role", "stack", "user", "user", "secret", "secret", "role")
CREATE_STEPS = ("certificates", "node_users", "stack", "wait")
UPDATE_STEPS = ("stack", "wait")
DELETE_STEPS = ("stack", "wait", "node_users", "certificates")

_names = itertools.count(1)


def _places(kind: str, what: tuple[str, ...]) -> list[str]:
    return [f"{kind}:{number}" for number in range(1, len(what) + 1)]


class Conductors:
    """Conductors that die, and the ones that go on."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def _start(self, wrapper: list[str], sweep: float) -> Process:
        options = {"lease_seconds": str(LEASE), "sweep_interval": str(sweep)}
        if sweep >= 1:  # must not be woken for what the other is to get
            options["topic"] = "magnum-conductor-that-goes-on"
        return self._deployment.start_conductor(
            f"mortal-{next(_names)}", wrapper, {"conductor": options}
        )

    def doomed(self, place: str) -> Process:
        """Start one that dies at a place of the next operation there is."""
        return self._start(wrapped_with("killer.py", place), 0.2)

    def survivor(self) -> Process:
        """Start one that lives, and takes its time to find work."""
        return self._start([], 4.0)

    def stop(self) -> None:
        """Stop all that still live."""
        for process in list(self._deployment.processes):
            if "mortal" in process.name:
                process.stop()
                self._deployment.processes.remove(process)


@pytest.fixture(scope="module")
def conductors(deployment: Deployment, modules: pathlib.Path) -> Iterator[Conductors]:
    """Conductors in the place of the deployment's own, which rest meanwhile."""
    resting = [process for process in deployment.processes if "conductor" in process.name]
    for process in resting:
        process.stop()
        deployment.processes.remove(process)
    yield Conductors(deployment)
    for process in resting:
        deployment.start_conductor(process.name, wrapped_with("wrapper.py", str(modules)))


@pytest.fixture
def alone(conductors: Conductors) -> Iterator[None]:
    """Leave no conductor to the next test, whose operations it would take."""
    yield
    conductors.stop()


class Death:
    """One operation during which a conductor dies, and another that ends it."""

    def __init__(self, conductors: Conductors, place: str, alive: int) -> None:
        self._conductors = conductors
        self._place = place
        self._alive = alive

    def __enter__(self) -> None:
        """Have a conductor that will die, and maybe one that will not."""
        self._doomed = self._conductors.doomed(self._place)
        self._survivor = self._conductors.survivor() if self._alive == 2 else None
        self._hold(signal.SIGSTOP)

    def __exit__(self, *error: object) -> None:
        """See it die after what was asked for in the block, and have another go on."""
        time.sleep(CLAIM)
        self._hold(signal.SIGCONT)
        deadline = time.monotonic() + 90
        while self._doomed.running and time.monotonic() < deadline:
            time.sleep(0.1)
        lives = self._doomed.running
        self._doomed.stop()
        self.died = time.monotonic()
        if self._survivor is None:
            self._survivor = self._conductors.survivor()
        assert not lives, f"nobody died at {self._place}"

    def _hold(self, number: signal.Signals) -> None:
        """Keep the one that lives from being the first to find what the other is to get."""
        if self._survivor is not None:
            os.kill(self._survivor.pid, number)

    def end(self) -> None:
        """Check how long it took, and stop who is left."""
        took = time.monotonic() - self.died
        assert self._survivor is not None
        self._survivor.stop()
        assert took < LEASE + TAKE_OVER + HEATS_OWN, f"{took:.0f} s"


def _assert_one_of_each(cloud: Cloud, owner: User, bay: str, name: str) -> None:
    """Check that a bay has one stack, one user a role, and two secrets."""
    things = inventory.take(cloud, owner)
    stacks = [t for t in things if t.kind == "Heat stack" and t.name.startswith(f"{name}-")]
    roots = [t for t in stacks if t.name.count("-") == name.count("-") + 1]
    assert len(roots) == 1, stacks
    users = sorted(t.name for t in things if t.kind == "Keystone user of domain magnum")
    assert [user for user in users if bay in user] == [f"{bay}-master", f"{bay}-worker"]
    secrets = sorted(t.name for t in things if t.kind == "Barbican secret" and bay in t.name)
    assert secrets == [f"magnum-{bay}-ca", f"magnum-{bay}-conductor"]


def _deaths() -> list[Any]:
    """Pair places of a creation with places of a deletion, and with one and two conductors.

    Every fourth pair is run, the two take turns; what is left out is for those who have the time.
    """
    creations = _places("change", CREATE_CHANGES) + _places("step", CREATE_STEPS)
    deletions = _places("change", DELETE_CHANGES) + _places("step", DELETE_STEPS)
    pairs = enumerate(itertools.zip_longest(creations, deletions))
    return [
        pytest.param(*pair, alive, marks=[] if number % 8 == turn else pytest.mark.thorough)
        for number, pair in pairs
        for alive, turn in ((1, 0), (2, 4))
    ]


@pytest.mark.parametrize(("creation", "deletion", "alive"), _deaths())
def test_bay_is_made_and_deleted_whenever_a_conductor_dies(
    conductors: Conductors,
    cloud: Cloud,
    demo: User,
    bays: Bays,
    model: str,
    creation: str | None,
    deletion: str,
    alive: int,
) -> None:
    name = f"death-{next(_names)}"
    death = Death(conductors, creation or "step:1", alive)
    with death:
        bay = bays.create(model, name=name)
    bays.wait_for(bay, "CREATE_COMPLETE")
    death.end()
    _assert_one_of_each(cloud, demo, bay, name)
    death = Death(conductors, deletion, 3 - alive)
    with death:
        bays.delete(bay)
    bays.wait_until_gone(bay)
    death.end()


@pytest.mark.parametrize("alive", [1, pytest.param(2, marks=pytest.mark.thorough)])
def test_bay_is_changed_whenever_a_conductor_dies(
    conductors: Conductors, cloud: Cloud, demo: User, bays: Bays, model: str, alive: int
) -> None:
    name = f"death-{next(_names)}"
    survivor = conductors.survivor()
    bay = bays.create(model, name=name)
    bays.wait_for(bay, "CREATE_COMPLETE")
    survivor.stop()
    places = _places("change", UPDATE_CHANGES) + _places("step", UPDATE_STEPS)
    for place, count in zip(places, itertools.cycle((2, 1)), strict=False):
        death = Death(conductors, place, alive)
        with death:
            bays.resize(bay, count)
        changed = bays.wait_for(bay, "UPDATE_COMPLETE")
        death.end()
        assert len(changed["node_addresses"]) == count, place
        _assert_one_of_each(cloud, demo, bay, name)
    survivor = conductors.survivor()
    bays.delete(bay)
    bays.wait_until_gone(bay)
    survivor.stop()
