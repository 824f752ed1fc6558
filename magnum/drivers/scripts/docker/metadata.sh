#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Keep containers from the metadata service: it would hand them this node's user data, and in it
# the node's password and the token to join.  The node itself still reaches it.
# Programs: iptables
# Writes: /etc/systemd/system/magnum-metadata.service
# shellcheck source=magnum/drivers/scripts/lib/step.sh
. /opt/magnum/lib/step.sh
# shellcheck source=magnum/drivers/scripts/lib/boot.sh
. /opt/magnum/lib/boot.sh

# keep_from BRIDGES: print the line for packets that come in from there.
keep_from() {
    echo "rule PREROUTING -i $1 -d 169.254.169.254 -j DROP"
}

at_boot metadata "Keep containers from the metadata service" \
    "$(keep_from docker+) && $(keep_from br-+)" ||
    fail "no rule keeps containers from the metadata service"
