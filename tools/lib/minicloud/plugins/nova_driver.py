# SPDX-License-Identifier: Apache-2.0
"""Nova's fake driver with room for thousands of servers and a lasting identity.

The plain fake driver invents a new node id at each start, and nova-compute then refuses to start
a second time.
"""

from nova.virt import fake, node


class FakeDriver(fake.FakeDriver):
    """One hypervisor on which every server is running at once and nothing is."""

    vcpus = 4000
    memory_mb = 8_000_000
    local_gb = 600_000

    def get_nodenames_by_uuid(self, refresh=False):
        """Return the one node under the id that Nova keeps in its state folder."""
        return {node.get_local_node_uuid(): self.get_available_nodes()[0]}

    def get_available_resource(self, nodename):
        """Return the node's resources under that same id."""
        resource = super().get_available_resource(nodename)
        if "uuid" in resource:
            resource["uuid"] = node.get_local_node_uuid()
        return resource
