#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Have TCP of containers send no larger segments than the whole path takes.  Their networks may think
# of larger packets than the node's: what the swarm makes has no setting before 24.0, and where nobody
# sends or passes on that a packet was too large the connection hangs.
# Programs: iptables
# Writes: /etc/systemd/system/magnum-segments.service
# shellcheck source=magnum/drivers/scripts/lib/step.sh
. /opt/magnum/lib/step.sh
# shellcheck source=magnum/drivers/scripts/lib/boot.sh
. /opt/magnum/lib/boot.sh

# It may fail, there are kernels without TCPMSS: most networks do without.
at_boot segments "Have TCP of containers fit the network" \
    "rule FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu || true"
