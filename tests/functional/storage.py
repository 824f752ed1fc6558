# SPDX-License-Identifier: Apache-2.0
"""Where the engines of real nodes keep what they store."""

from minicloud.real_nodes.machine import Machine
from tests.functional.swarms import Swarms

DOCKER = "/var/lib/docker"


def assert_stores_on_its_volume(swarms: Swarms, name: str, node: Machine) -> None:
    """Have a node's volume be of the size that was asked for, and in use by its engine."""
    real, session = swarms.real, swarms.bays.session
    made = {v["name"]: v for v in session.get("volumev3", "/volumes/detail")["volumes"]}
    volume = made[name]
    assert (volume["status"], volume["size"]) == ("in-use", 1)
    assert [row["server_id"] for row in volume["attachments"]] == [node.server]
    disk = f"/dev/disk/by-id/virtio-{volume['id'][:20]}"
    assert real.run(node, f"blockdev --getsize64 {disk}").strip() == str(1 << 30)
    assert real.run(node, "docker info -f '{{.DockerRootDir}}'").strip() == DOCKER
    for stored in (f"{DOCKER}/image", f"{DOCKER}/swarm", "/var/lib/containerd"):
        shown = real.run(node, f"findmnt -nro SOURCE,FSTYPE --target {stored}").split()
        assert shown[0].removesuffix("[/containerd-root]") == disk, shown
        assert shown[1] == "ext4"
    # The first blocks alone would be those of a file system that nobody writes to.
    file = real.places.settings.volumes / volume["id"]
    used = real.run(node, f"du -sk {DOCKER}/image | cut -f1")
    assert file.stat().st_blocks // 2 > int(used) > 0
