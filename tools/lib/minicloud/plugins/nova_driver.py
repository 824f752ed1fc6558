# SPDX-License-Identifier: Apache-2.0
"""Nova's fake driver with room for thousands of servers and a lasting identity.

The plain fake driver invents a new node id at each start, and nova-compute then refuses to start
a second time. This one also writes down what servers are made of; the runner of real nodes, or the
stand-in, does the rest.
"""

import pathlib

import nova.conf
from nova.virt import driver, fake, node

from minicloud.real_nodes import servers

CONF = nova.conf.CONF
_IMAGE = "image_"  # how Nova names an image's properties among a server's


def _folder():
    """Return the folder of `minicloud.real_nodes.places.Places`, from what Nova knows."""
    return pathlib.Path(CONF.state_path).parent / "real-nodes"


def _place(connection):
    """Return a volume's id and file, from what Cinder told Nova of it."""
    return connection["serial"], connection["data"]["path"]


def _described(instance, root, devices):
    mapping = driver.block_device_info_get_mapping(devices)
    return servers.Server(
        id=instance.uuid,
        name=instance.display_name,
        memory_mib=instance.flavor.memory_mb,
        user_data=instance.user_data or "",
        keys={instance.key_name: instance.key_data.strip()} if instance.key_data else {},
        root=root,
        volumes=dict(_place(disk["connection_info"]) for disk in mapping),
    )


class FakeDriver(fake.FakeDriver):
    """One hypervisor on which every server is running at once, and only real nodes are."""

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

    def spawn(self, context, instance, *args, block_device_info=None, **kwargs):
        """Start a server."""
        super().spawn(context, instance, *args, block_device_info=block_device_info, **kwargs)
        metadata = instance.system_metadata
        properties = {
            k.removeprefix(_IMAGE): v for k, v in metadata.items() if k.startswith(_IMAGE)
        }
        root = servers.root_of(properties)
        servers.save(_folder() / "servers", _described(instance, root, block_device_info))

    def destroy(self, context, instance, *args, **kwargs):
        """End a server."""
        servers.forget(_folder() / "servers", instance.uuid)
        super().destroy(context, instance, *args, **kwargs)

    def power_off(self, instance, *args, **kwargs):
        """Switch a server off."""
        super().power_off(instance, *args, **kwargs)
        servers.switch(_folder() / "servers", instance.uuid, on=False)

    def power_on(self, context, instance, *args, **kwargs):
        """Switch a server on."""
        super().power_on(context, instance, *args, **kwargs)
        servers.switch(_folder() / "servers", instance.uuid, on=True)

    def reboot(self, context, instance, *args, **kwargs):
        """Switch a server off and on."""
        super().reboot(context, instance, *args, **kwargs)
        servers.switch(_folder() / "servers", instance.uuid, on=True)

    def attach_volume(self, context, connection_info, instance, *args, **kwargs):
        """Give a server a volume."""
        super().attach_volume(context, connection_info, instance, *args, **kwargs)
        servers.attach(_folder() / "servers", instance.uuid, *_place(connection_info))

    def detach_volume(self, context, connection_info, instance, *args, **kwargs):
        """Take a volume from a server."""
        super().detach_volume(context, connection_info, instance, *args, **kwargs)
        volume, _ = _place(connection_info)
        servers.detach(_folder() / "servers", instance.uuid, volume)

    def get_console_output(self, context, instance):
        """Return what a server has printed, as bytes: Nova takes text for Latin-1."""
        try:
            return (_folder() / "machines" / instance.uuid / "console.log").read_bytes()
        except FileNotFoundError:
            return super().get_console_output(context, instance)
