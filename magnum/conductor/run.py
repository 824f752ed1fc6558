# SPDX-License-Identifier: Apache-2.0
"""One pass over an operation: all that its steps know and leave behind."""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from magnum.conductor.cloud import Cloud
from magnum.conductor.leases import Held
from magnum.conductor.swarm import Swarm
from magnum.core import errors
from magnum.core.cluster import ClusterSpec, Role
from magnum.core.states import Action
from magnum.db.models import Cluster
from magnum.db.specs import cluster_spec
from magnum.drivers import registry
from magnum.drivers.contract import Driver
from magnum.heat.stacks import Stack, Stacks

HEATS_EXTRA_MINUTES = 1


class OperationFailed(errors.MagnumError):
    """The operation cannot come to a good end; the message is its reason."""


class Unsettled(errors.MagnumError):
    """It cannot be told yet what to do; a matter of time, and no failure of anybody."""


class Run:
    """Made anew each time an operation is taken up, from the table alone.

    :ivar progress: what earlier steps left for later ones; written with each step.
    :ivar changes: columns of the cluster to write with the present step.
    :ivar addresses: of the nodes of a role, to write with the present step.
    :ivar blamed: the resource that a failure is told of, where one is known.
    :ivar faults: why resources of the stack have failed, for users to see once the operation has.
    :ivar observed: the stack as the watch has just seen it settle; None while nobody looked.
    :ivar looked: whether ``observed`` is news, also when it is None because the stack is gone.
    """

    def __init__(
        self,
        cloud: Cloud,
        held: Held,
        cluster: Cluster,
        ensure: Callable[[], None],
    ) -> None:
        self.cloud = cloud
        self.held = held
        self.cluster = cluster
        self.ensure = ensure
        self.progress: dict[str, Any] = dict(held.claim.progress)
        self.changes: dict[str, Any] = {}
        self.addresses: dict[str, list[str]] = {}
        self.said: list[tuple[str, str | None, str]] = []
        self.blamed = "end"
        self.faults: dict[str, str] | None = None
        self.observed: Stack | None = None
        self.looked = False

    @property
    def action(self) -> Action:
        """What is being done."""
        return self.held.claim.action

    @property
    def timeout_minutes(self) -> int:
        """How long the operation may take in all; at least 1."""
        options = self.cloud.conf.cluster_heat
        if self.action is Action.CREATE:
            return int(self.cluster.create_timeout or options.create_timeout)
        deleting = self.action is Action.DELETE
        return int(options.delete_timeout if deleting else options.update_timeout)

    @property
    def seconds_since_asked(self) -> float:
        """How long ago the operation was asked for, by the database's clock."""
        return 60 * self.timeout_minutes - self.held.seconds_left

    @property
    def spec(self) -> ClusterSpec:
        """The cluster as it is wanted.

        Heat is given a little longer than the operation has: whoever runs out of time first tells
        the reason, and we tell what was still waited for.
        """
        return cluster_spec(self.cluster, self.timeout_minutes + HEATS_EXTRA_MINUTES)

    @property
    def driver(self) -> Driver:
        """Who serves this kind of cluster."""
        template = self.cluster.template
        return registry.driver_for(template.server_type, template.cluster_distro, template.coe)

    @property
    def stacks(self) -> Stacks:
        """The stacks of the cluster's project."""
        return self.cloud.stacks(self.cluster.project_id)

    def find_stack(self) -> Stack | None:
        """Find the cluster's stack, also one whose id nobody lived to record."""
        return self.stacks.find(self.cluster.stack_id or self.spec.stack_name)

    def user_name(self, role: Role) -> str:
        """Return the one name that the user of its nodes can have."""
        return f"{self.cluster.uuid}-{role}"

    def change(self, **columns: Any) -> None:
        """Set columns of the cluster, to be written with the present step."""
        for name, value in columns.items():
            setattr(self.cluster, name, value)
        self.changes.update(columns)

    def place(self, role: Role, addresses: Iterable[str]) -> None:
        """Set the addresses of the nodes of a role, to be written with the present step."""
        self.addresses[role] = [*addresses]
        for group in self.cluster.node_groups:
            if group.role == role and group.is_default:
                group.node_addresses = self.addresses[role]

    def say(self, text: str, about: str | None = None) -> None:
        """Tell the cluster's users something, with the record of the present step.

        :param about: the node it is about, else the step.
        """
        self.said.append(("INFO", about, text))

    def warn(self, text: str, about: str | None = None) -> None:
        """Tell the cluster's users likewise of what is not as it should be."""
        self.said.append(("WARNING", about, text))

    @cached_property
    def swarm(self) -> Swarm:
        """The managers of the cluster."""
        return Swarm(self.cloud, self.cluster)
