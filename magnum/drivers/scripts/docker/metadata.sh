#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Keep containers from the metadata service: it would hand them this node's user data, and in it
# the node's password and the token to join.  The node itself still reaches it.
# Programs: iptables
# Writes: /etc/systemd/system/magnum-metadata.service
# shellcheck source=magnum/drivers/scripts/lib/step.sh
. /opt/magnum/lib/step.sh

unit=/etc/systemd/system/magnum-metadata.service

# From the bridges of containers, before any other rule; again at every boot.
cat > "$unit" << UNIT
[Unit]
Description=Keep containers from the metadata service
Before=docker.service

[Service]
Environment="PATH=$PATH"
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'for bridge in docker+ br-+; do set -- PREROUTING -i \$\$bridge -d 169.254.169.254 -j DROP; iptables -w -t mangle -C "\$\$@" 2> /dev/null || iptables -w -t mangle -A "\$\$@" || exit 1; done'

[Install]
WantedBy=multi-user.target
UNIT
chmod 644 "$unit"

systemctl daemon-reload
systemctl enable magnum-metadata.service
systemctl restart magnum-metadata.service || fail "no rule keeps containers from the metadata service"
