# SPDX-License-Identifier: Apache-2.0
"""What keeps Heat from deleting a cluster's network: ports that Heat did not make.

Ports that something inside the cluster asked for go with it.  A port of a server that is none of
the cluster's is its owner's: it is named, never removed.
"""

from magnum.clients.neutron import Port
from magnum.conductor.run import Run
from magnum.heat.stacks import Stack

NETWORK_TYPE = "OS::Neutron::Net"
NEUTRONS_OWN = ("network:dhcp", "network:router_", "network:ha_router", "network:floatingip")
"""Owners of ports that come and go with the resources Heat does know."""


def remove(run: Run, stack: Stack) -> list[str]:
    """Delete ports left on the cluster's own networks.

    :returns: a sentence for each port that has to be removed by its owner.
    """
    run.ensure()
    resources = run.stacks.resources(stack.id)
    ours = {resource.physical_id for resource in resources}
    networks = [
        resource.physical_id
        for resource in resources
        if resource.type == NETWORK_TYPE and resource.physical_id
    ]
    remaining = []
    for network in networks:
        for port in run.cloud.network.ports_on_network(run.cluster.project_id, network):
            if port.id in ours or port.device_owner.startswith(NEUTRONS_OWN):
                continue
            if port.device_owner.startswith("compute:"):
                remaining.append(_belongs_to_other(port, network))
                continue
            run.ensure()
            run.cloud.network.delete_port(run.cluster.project_id, port.id)
            run.say(f"Deleted port {port.id} that something in the bay had made")
    return remaining


def _belongs_to_other(port: Port, network: str) -> str:
    return (
        f"Port {port.id} of server {port.device_id}, which is not of this bay, is still on its "
        f"network {network}; detach it and delete the bay again."
    )
