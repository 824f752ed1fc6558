#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Put what the container engine stores on the node's own volume, if it has one: wait for the
# device, format it unless that is done, and have it mounted before the engine at every boot.
# Optional: DOCKER_VOLUME_ID
# Writes: /etc/systemd/system/var-lib-docker.mount /etc/systemd/system/var-lib-containerd.mount
# shellcheck source=magnum/drivers/scripts/lib/step.sh
. /opt/magnum/lib/step.sh

units=/etc/systemd/system

# find_device: set $device to the disk.  A virtio disk's serial number holds the first 20
# characters of the volume's id, those of other kinds hold all of it.
find_device() {
    for device in "/dev/disk/by-id/"*"$serial"*; do
        case $device in *-part[0-9]*) continue ;; esac
        [ ! -e "$device" ] || return 0
    done
    return 1
}

# unit DESCRIPTION WHAT WHERE OPTIONS: print a unit that mounts it before anything stores there.
unit() {
    printf '[Unit]\nDescription=%s\nBefore=containerd.service docker.service\n' "$1"
    printf '\n[Mount]\nWhat=%s\nWhere=%s\nOptions=%s\n' "$2" "$3" "$4"
    printf '\n[Install]\nRequiredBy=docker.service\nWantedBy=multi-user.target\n'
}

# mount_now UNIT: mount it, and at every boot.
mount_now() {
    chmod 644 "$units/$1"
    systemctl daemon-reload
    systemctl enable "$1"
    systemctl restart "$1" || fail "the volume $DOCKER_VOLUME_ID cannot be mounted"
}

# is_done: the last of it is.  Of a mount alone an image might have one of its own.
is_done() {
    [ -e "$units/var-lib-containerd.mount" ] &&
        systemctl is-active --quiet var-lib-containerd.mount
}

if [ -z "$DOCKER_VOLUME_ID" ] || is_done; then
    exit 0
fi
has mkfs.ext4 || /opt/magnum/bin/provide mkfs.ext4 || exit 1
serial=$(printf '%s' "$DOCKER_VOLUME_ID" | cut -c1-20)
again 300 1 find_device || fail "the volume $DOCKER_VOLUME_ID did not appear in five minutes"

# Of a new disk it finds nothing and says so by 2.
found=$(blkid -p -o value -s TYPE "$device") || [ $? -eq 2 ] ||
    fail "the volume $DOCKER_VOLUME_ID cannot be read"
[ -n "$found" ] || mkfs.ext4 -q -F "$device" ||
    fail "the volume $DOCKER_VOLUME_ID cannot be formatted"

# An image may have started its engine already; the step that configures it starts it again.
for service in docker.socket docker.service containerd.service; do
    systemctl stop "$service" || true
done
mkdir -p /var/lib/docker /var/lib/containerd
unit "Volume of the container engine" "$device" /var/lib/docker defaults \
    > "$units/var-lib-docker.mount"
mount_now var-lib-docker.mount
# Engines since 29 have containerd keep their images, in a folder of its own.
mkdir -p /var/lib/docker/containerd-root
unit "Containerd's part of the volume" /var/lib/docker/containerd-root /var/lib/containerd bind \
    > "$units/var-lib-containerd.mount"
mount_now var-lib-containerd.mount
if command -v restorecon > /dev/null; then
    restorecon -R /var/lib/docker /var/lib/containerd
fi
