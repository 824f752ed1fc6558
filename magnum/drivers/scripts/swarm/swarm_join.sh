#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Join the swarm of the first manager; the token decides whether as a manager or as a worker.
# Inputs: NODE_IP FIRST_MASTER_IP JOIN_TOKEN
# shellcheck source=magnum/drivers/scripts/lib/step.sh
. /opt/magnum/lib/step.sh

is_member() {
    [ "$(docker info --format '{{.Swarm.LocalNodeState}}')" = active ]
}

# join: ask once; an engine may go on by itself after its client has given up.
join() {
    is_member && return 0
    docker swarm join --advertise-addr "$NODE_IP" --listen-addr "$NODE_IP:2377" \
        --token "$JOIN_TOKEN" "$FIRST_MASTER_IP:2377" || is_member
}

again 20 6 join || fail "this node cannot join the swarm at $FIRST_MASTER_IP:2377"
