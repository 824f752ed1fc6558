# SPDX-License-Identifier: Apache-2.0
"""What the step with the node's volume does, run by a real shell in a sandbox."""

import pytest

from tests.drivers.sandbox import Sandbox

VOLUME = "9fd0a3b2-72a6-4c1e-8ad2-5a3d37c2f1aa"
DISK = "/dev/disk/by-id/virtio-9fd0a3b2-72a6-4c1e-8"
SYSTEMCTL = """case "$*" in
"is-active"*) [ -e "$0.mounted" ] ;;
"restart var-lib-containerd.mount") : > "$0.mounted" ;;
"stop "*) exit 5 ;;
esac"""

NO_MOUNT = "case $1 in is-active | restart) exit 1 ;; esac"


@pytest.fixture
def storing(tmp_path):
    """A node with a new volume as its second disk."""
    node = Sandbox(tmp_path, DOCKER_VOLUME_ID=VOLUME)
    disks = node.root / "dev/disk/by-id"
    disks.mkdir(parents=True)
    for name in ("virtio-0d3c4f60-1111-4c1e-8", DISK.rpartition("/")[2] + "-part1"):
        (disks / name).touch()
    (node.root / DISK.lstrip("/")).touch()
    node.stub("systemctl", SYSTEMCTL)
    node.stub("blkid", "exit 2")
    node.stub("mkfs.ext4", "")
    return node


def test_volume_is_formatted_and_mounted_before_the_engine(storing):
    found = storing.run("volume.sh")
    assert found.returncode == 0, found.stderr
    calls = [call.replace(str(storing.root), "") for call in storing.calls]
    assert f"mkfs.ext4 -q -F {DISK}" in calls
    assert calls.index("systemctl stop docker.service") < calls.index(
        "systemctl restart var-lib-docker.mount"
    )
    for name, what, where, options in (
        ("var-lib-docker", DISK, "/var/lib/docker", "defaults"),
        ("var-lib-containerd", "/var/lib/docker/containerd-root", "/var/lib/containerd", "bind"),
    ):
        unit = storing.read(f"/etc/systemd/system/{name}.mount").replace(str(storing.root), "")
        assert f"[Mount]\nWhat={what}\nWhere={where}\nOptions={options}\n" in unit
        assert "Before=containerd.service docker.service\n" in unit
        assert "RequiredBy=docker.service\n" in unit
        assert f"systemctl enable {name}.mount" in calls
        assert f"systemctl restart {name}.mount" in calls


# An apt-get whose package has the program.
APT = """case " $* " in
*" install e2fsprogs ")
    printf '#!/bin/sh\\necho "$@" > "$0.formatted"\\n' > "${0%/*}/mkfs.ext4"
    chmod 755 "${0%/*}/mkfs.ext4"
    ;;
esac"""


def test_what_formats_a_volume_is_fetched_where_the_image_has_none(storing):
    (storing.root / "bin/mkfs.ext4").unlink()
    storing.stub("apt-get", APT)
    found = storing.run("volume.sh")
    assert found.returncode == 0, found.stderr
    assert DISK in storing.read("/bin/mkfs.ext4.formatted")


def test_what_formats_a_volume_is_named_where_nobody_has_it(storing):
    (storing.root / "bin/mkfs.ext4").unlink()
    found = storing.run("volume.sh")
    assert found.returncode == 1
    assert found.stderr == (
        "mkfs.ext4 is not in the image, the label mkfs_ext4_url is not set, and there is no "
        "apt-get\n"
    )


def test_node_without_a_volume_fetches_nothing_for_one(storing):
    (storing.root / "bin/mkfs.ext4").unlink()
    storing.variables()
    assert storing.run("volume.sh").returncode == 0


def test_volume_that_holds_something_is_not_formatted(storing):
    storing.stub("blkid", "echo ext4")
    assert storing.run("volume.sh").returncode == 0
    assert not [call for call in storing.calls if call.startswith("mkfs")]


def test_volume_again_leaves_the_engine_alone(storing):
    storing.run("volume.sh")
    storing.calls_file.write_text("")
    assert storing.run("volume.sh").returncode == 0
    assert storing.calls == ["systemctl is-active --quiet var-lib-containerd.mount"]


def test_volume_goes_over_what_the_image_has_mounted_there(storing):
    storing.stub("systemctl", "")
    assert storing.run("volume.sh").returncode == 0
    assert "systemctl restart var-lib-docker.mount" in storing.calls


def test_without_a_volume_nothing_is_done(storing):
    storing.variables()
    assert storing.run("volume.sh").returncode == 0
    assert storing.calls == []


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda node: (node.root / DISK.lstrip("/")).unlink(), "did not appear in five minutes"),
        (lambda node: node.stub("blkid", "exit 8"), "cannot be read"),
        (lambda node: node.stub("mkfs.ext4", "exit 1"), "cannot be formatted"),
        (lambda node: node.stub("systemctl", NO_MOUNT), "cannot be mounted"),
    ],
)
def test_volume_when_something_is_wrong_says_what(storing, break_it, words):
    break_it(storing)
    found = storing.run("volume.sh")
    assert found.returncode == 1
    assert found.stderr.splitlines()[-1] == f"the volume {VOLUME} {words}"
