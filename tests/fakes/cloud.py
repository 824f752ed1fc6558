# SPDX-License-Identifier: Apache-2.0
"""A cloud of objects with state, in the place of Keystone, Barbican, Heat, Neutron and a swarm.

Every call that changes something is counted in ``cloud.changes``; ``die_after`` ends the caller as
SIGKILL would (nothing below ``BaseException`` sees it) right after such a call took effect, and
``refuse`` makes the next call of a name fail, ``lose`` its answer get lost.
"""

import dataclasses
import datetime
import itertools
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from magnum.certs.x509 import Bundle
from magnum.clients.errors import Clash, Missing
from magnum.clients.keystone import ProjectGone
from magnum.clients.neutron import Port
from magnum.core.errors import Unavailable
from magnum.drivers import hot
from magnum.drivers.contract import StackRequest
from magnum.heat.stacks import Stack, StackResource
from tests.fakes.swarm import MANAGER_ADDRESS, FakeSwarm

MOMENT = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


class Killed(BaseException):
    """The process is gone."""


class FakeCloud:
    """The state of all services, and the faults they are to show."""

    def __init__(self) -> None:
        self.changes: list[str] = []
        self.calls: list[str] = []
        self.die_after: int | None = None
        self._refusals: dict[str, list[Exception]] = {}
        self._losses: dict[str, list[Exception]] = {}
        self.keystone = FakeKeystone(self)
        self.store = FakeStore(self)
        self.heat = FakeHeat(self)
        self.network = FakeNetwork(self)
        self.swarm = FakeSwarm(self)

    def refuse(self, call: str, *errors: Exception) -> None:
        """Make the next calls of a name fail, one error each."""
        self._refusals.setdefault(call, []).extend(errors)

    def lose(self, call: str, *errors: Exception) -> None:
        """Make the next calls of a name take effect and fail all the same, one error each."""
        self._losses.setdefault(call, []).extend(errors)

    def heal(self) -> None:
        """Have no more faults."""
        self._refusals.clear()
        self._losses.clear()

    def asked(self, call: str) -> None:
        """Note a call before it takes effect."""
        self.calls.append(call)
        if self._refusals.get(call):
            raise self._refusals[call].pop(0)

    def changed(self, call: str) -> None:
        """Note that a call has taken effect; its answer may not arrive."""
        self.changes.append(call)
        if self.die_after == len(self.changes):
            raise Killed(call)
        if self._losses.get(call):
            raise self._losses[call].pop(0)

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left of any cluster."""
        return not (
            self.keystone.users or self.keystone.granted or self.store.bundles or self.heat.living()
        )


class FakeKeystone:
    """Keystone.

    :ivar finds_nobody: a search for a user by name is answered by a database that lags behind.
    """

    def __init__(self, cloud: FakeCloud) -> None:
        self._cloud = cloud
        self.granted: set[str] = set()
        self.users: dict[str, tuple[str, str]] = {}
        self.gone_projects: set[str] = set()
        self.finds_nobody = False

    def check(self) -> None:
        self._cloud.asked("check")

    def grant_service_user(self, project_id: str) -> None:
        self._cloud.asked("grant")
        if project_id in self.gone_projects:
            raise ProjectGone("Keystone", 404, "no such project")
        self.granted.add(project_id)
        self._cloud.changed("grant")

    def revoke_service_user(self, project_id: str) -> None:
        self._cloud.asked("revoke")
        self.granted.discard(project_id)
        self._cloud.changed("revoke")

    def ensure_node_user(self, name: str, password: str, description: str) -> str:
        self._cloud.asked("user")
        user_id = self.users[name][0] if name in self.users else uuid.uuid4().hex
        self.users[name] = (user_id, password)
        self._cloud.changed("user")
        return user_id

    def delete_node_user(self, name: str, known_id: str | None = None) -> None:
        self._cloud.asked("delete user")
        if not self.finds_nobody or self.users.get(name, ("",))[0] == known_id:
            self.users.pop(name, None)
        self._cloud.changed("delete user")

    def auth_url(self) -> str:
        return "http://keystone/v3"

    def magnum_url(self) -> str:
        return "http://magnum/v1"


class FakeStore:
    def __init__(self, cloud: FakeCloud) -> None:
        self._cloud = cloud
        self.bundles: dict[str, Bundle] = {}
        self.made = 0

    def ensure(self, name: str, make: Callable[[], Bundle]) -> tuple[str, Bundle]:
        self._cloud.asked("store")
        if name not in self.bundles:
            self.bundles[name] = make()
            self.made += 1
            self._cloud.changed("store")
        return f"ref:{name}", self.bundles[name]

    def load(self, ref: str) -> Bundle:
        self._cloud.asked("load")
        return self.bundles[ref.removeprefix("ref:")]

    def delete(self, name: str) -> None:
        self._cloud.asked("delete secret")
        self.bundles.pop(name, None)
        self._cloud.changed("delete secret")


class FakeHeat:
    """All stacks of all projects; nothing moves on by itself, see :meth:`settle`.

    :ivar room: most workers that the cloud can hold; who is updated to more, fails for want of
        a host.  None for no bound.
    :ivar workers: of each stack, the Nova id by the name within the group.
    :ivar declared: parameters of the stacks' template; what else is sent is dropped.
    """

    def __init__(self, cloud: FakeCloud) -> None:
        self._cloud = cloud
        self.stacks: dict[str, Stack] = {}
        self.requests: dict[str, StackRequest] = {}
        self.parameters: dict[str, Mapping[str, Any]] = {}
        self.resources_of: dict[str, list[StackResource]] = {}
        self.outputs_of: dict[str, dict[str, Any]] = {}
        self.created = 0
        self.room: int | None = None
        self.workers: dict[str, dict[str, str | None]] = {}
        self.declared = frozenset(hot.parse_template("swarm.yaml")["parameters"])
        self._removed: dict[str, set[str]] = {}
        self.accepted_late: list[Callable[[], str]] = []
        self._ticks = itertools.count(1)
        self._cancelled: set[str] = set()

    def project(self, project_id: str) -> "FakeStacks":
        return FakeStacks(self._cloud, self)

    def living(self) -> list[Stack]:
        return [stack for stack in self.stacks.values() if stack.status != "DELETE_COMPLETE"]

    def move(self, stack_id: str, status: str, reason: str = "") -> None:
        old = self.stacks[stack_id]
        updated = MOMENT + datetime.timedelta(seconds=next(self._ticks))
        self.stacks[stack_id] = Stack(old.id, old.name, status, reason, MOMENT, updated)

    def update(self, stack_id: str) -> None:
        """Begin an update; one that meets another may be cancelled halfway, as Heat does."""
        if self.stacks[stack_id].status == "UPDATE_IN_PROGRESS":
            self._cancelled.add(stack_id)
        self.move(stack_id, "UPDATE_IN_PROGRESS")

    def catch_up(self) -> None:
        """Make the stacks that were asked for by calls that nobody waits for any more."""
        while self.accepted_late:
            self.accepted_late.pop(0)()

    def settle(self, outcome: str = "COMPLETE", reason: str = "") -> None:
        """End what is in progress, as Heat would after a while."""
        for stack in self.living():
            if stack.status.endswith("_IN_PROGRESS"):
                action = stack.status.removesuffix("_IN_PROGRESS")
                if stack.id in self._cancelled:
                    self._cancelled.remove(stack.id)
                    self.move(stack.id, f"{action}_FAILED", "Stack UPDATE cancelled")
                elif action == "DELETE" or self._has_room_for(stack.id):
                    if action != "DELETE":
                        self._resize(stack.id)
                    self.move(stack.id, f"{action}_{outcome}", reason)
                else:
                    self.move(stack.id, f"{action}_FAILED", "Resource CREATE failed")

    def _wanted(self, stack_id: str, name: str) -> Any:
        made_of = self.requests[stack_id].parameters if stack_id in self.requests else {}
        return {**made_of, **self.parameters.get(stack_id, {})}.get(name)

    def _resize(self, stack_id: str) -> None:
        """Have the workers wanted, as a group does: the first names that were never removed."""
        present = self.workers.setdefault(stack_id, {})
        removed = self._removed.setdefault(stack_id, set())
        for removal in self._wanted(stack_id, "nodes_to_remove") or ():
            removed |= {name for name, server in present.items() if removal in (name, server)}
        free = (str(number) for number in itertools.count() if str(number) not in removed)
        wanted = [*itertools.islice(free, self._wanted(stack_id, "number_of_nodes") or 0)]
        swarm = self._cloud.swarm
        for name in present.keys() - set(wanted):
            del present[name]
            swarm.lose(worker_name(name))
        swarm.join(MASTER_NAME, MANAGER_ADDRESS, is_manager=True)
        for name in wanted:
            if present.get(name) is None:
                present[name] = str(uuid.uuid4())
                swarm.join(worker_name(name), worker_address(name))

    def outputs(self, stack_id: str) -> dict[str, Any]:
        """Return what a test has set, over what the stack tells by itself."""
        workers = self.workers.get(stack_id, {})
        seen = {
            "names": {name: worker_name(name) for name in workers},
            "servers": dict(workers),
        }
        if stack_id not in self.stacks:
            return {}
        own = {
            "api_address": MANAGER_ADDRESS,
            "master_addresses": [MANAGER_ADDRESS],
            "node_addresses": [worker_address(name) for name in workers],
            "workers": seen,
        }
        return {**own, **self.outputs_of.get(stack_id, {})}

    def _has_room_for(self, stack_id: str) -> bool:
        """Tell whether the nodes wanted can be made; those that cannot are seen to have failed."""
        wanted = self.parameters.get(stack_id, {}).get("number_of_nodes", 0)
        room = wanted if self.room is None else self.room
        if stack_id in self.parameters:
            self.resources_of[stack_id] = [
                _without_host(f"workers/{number}/server") for number in range(room, wanted)
            ]
        return wanted <= room


MASTER_NAME = "bay-master"


def worker_name(member: str) -> str:
    """Return the host name of a worker by its name within the group."""
    return f"bay-node-{member}"


def worker_address(member: str) -> str:
    """Return where the engine of a worker listens."""
    return f"192.0.2.{100 + int(member)}"


def _without_host(path: str) -> StackResource:
    words = "Went to status ERROR due to: No valid host was found."
    return StackResource("server", path, "OS::Nova::Server", "CREATE_FAILED", words, "", MOMENT)


class FakeStacks:
    """One project's view, with the interface of :class:`magnum.heat.stacks.Stacks`."""

    def __init__(self, cloud: FakeCloud, heat: FakeHeat) -> None:
        self._cloud = cloud
        self._heat = heat

    def find(self, name: str) -> Stack | None:
        self._cloud.asked("find stack")
        for stack in self._heat.living():
            if name in (stack.id, stack.name):
                return dataclasses.replace(stack, parameters=self._heat.declared)
        return None

    def get(self, stack_id: str) -> Stack:
        self._cloud.asked("get stack")
        if stack_id not in self._heat.stacks:
            raise Missing("Heat", 404, "no such stack")
        return dataclasses.replace(self._heat.stacks[stack_id], parameters=self._heat.declared)

    def create(self, request: StackRequest) -> str:
        try:
            self._cloud.asked("create stack")
        except TimeoutError as error:
            self._heat.accepted_late.append(lambda: self._make(request))
            raise Unavailable("Heat", "timed out") from error
        return self._make(request)

    def _make(self, request: StackRequest) -> str:
        if any(stack.name == request.name for stack in self._heat.living()):
            raise Clash("Heat", 409, "exists")
        stack_id = str(uuid.uuid4())
        self._heat.stacks[stack_id] = Stack(
            stack_id, request.name, "CREATE_IN_PROGRESS", "", MOMENT
        )
        self._heat.requests[stack_id] = request
        self._heat.created += 1
        self._cloud.changed("create stack")
        return stack_id

    def update(self, stack_id: str, parameters: Mapping[str, Any], timeout_minutes: int) -> None:
        self._cloud.asked("update stack")
        self._heat.parameters[stack_id] = {
            name: value for name, value in parameters.items() if name in self._heat.declared
        }
        self._heat.update(stack_id)
        self._cloud.changed("update stack")

    def delete(self, stack_id: str) -> None:
        self._cloud.asked("delete stack")
        self._heat.move(stack_id, "DELETE_IN_PROGRESS")
        self._cloud.changed("delete stack")

    def status_of(self, stack_ids: Iterable[str]) -> dict[str, Stack]:
        self._cloud.asked("list stacks")
        wanted = set(stack_ids)
        return {stack.id: stack for stack in self._heat.living() if stack.id in wanted}

    def outputs(self, stack_id: str) -> dict[str, Any]:
        self._cloud.asked("outputs")
        return self._heat.outputs(stack_id)

    def resources(self, stack_id: str) -> list[StackResource]:
        self._cloud.asked("resources")
        return self._heat.resources_of.get(stack_id, [])


class FakeNetwork:
    def __init__(self, cloud: FakeCloud) -> None:
        self._cloud = cloud
        self.ports: dict[str, list[Port]] = {}

    def ports_on_network(self, project_id: str, network_id: str) -> list[Port]:
        self._cloud.asked("ports")
        return list(self.ports.get(network_id, ()))

    def delete_port(self, project_id: str, port_id: str) -> None:
        self._cloud.asked("delete port")
        for network, ports in self.ports.items():
            self.ports[network] = [port for port in ports if port.id != port_id]
        self._cloud.changed("delete port")
