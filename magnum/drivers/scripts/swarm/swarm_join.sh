#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Join the swarm at any of its managers; the token decides whether as a manager or as a worker.
# Inputs: NODE_IP MANAGER_IPS JOIN_TOKEN
# shellcheck source=magnum/drivers/scripts/lib/step.sh
. /opt/magnum/lib/step.sh

is_member() {
    [ "$(docker info --format '{{.Swarm.LocalNodeState}}')" = active ]
}

# join_at MANAGER: ask it once.  An engine goes on asking by itself after its client has given up,
# and has to be told to stop before it may ask another one.
join_at() {
    docker swarm join --advertise-addr "$NODE_IP" --listen-addr "$NODE_IP:2377" \
        --token "$JOIN_TOKEN" "$1:2377" && return 0
    is_member && return 0
    [ "$1" = "$MANAGER_IPS" ] || docker swarm leave --force 2> /dev/null
    return 1
}

# join: ask one manager after the other, as some may be lost.
join() {
    is_member && return 0
    for manager in $(printf '%s\n' "$MANAGER_IPS" | tr , ' '); do
        join_at "$manager" && return 0
    done
    return 1
}

again 20 6 join || fail "this node cannot join the swarm at $MANAGER_IPS, port 2377"
