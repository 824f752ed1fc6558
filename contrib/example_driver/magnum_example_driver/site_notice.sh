#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Tell who logs in to this node what it is.
# Inputs: NODE_ROLE CLUSTER_NAME
# Writes: /etc/motd
# shellcheck source=magnum/drivers/scripts/lib/step.sh
. /opt/magnum/lib/step.sh

cat > /etc/motd << NOTICE
This is a $NODE_ROLE of the cluster $CLUSTER_NAME.
What is changed here by hand is gone when the cluster replaces the node.
NOTICE
chmod 644 /etc/motd
