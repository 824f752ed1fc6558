#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Make this node the first manager of a new swarm and hand out the tokens to join it.
# The workers' token goes with this node's own signal, the managers' to a handle of its own.
# Inputs: NODE_IP OVERLAY_POOL OVERLAY_PREFIX_LENGTH OVERLAY_CHOSEN
# Optional: TOKEN_SIGNAL
# Produces: the swarm
# Writes: /run/magnum/signal-data
# shellcheck source=magnum/drivers/scripts/lib/step.sh
. /opt/magnum/lib/step.sh

if [ "$(docker info --format '{{.Swarm.LocalNodeState}}')" != active ]; then
    set -- --advertise-addr "$NODE_IP" --listen-addr "$NODE_IP:2377"
    # Engines before 18.09 have no such option; their own choice keeps clear of ours.
    if docker swarm init --help | grep -q -e --default-addr-pool; then
        set -- "$@" --default-addr-pool "$OVERLAY_POOL" \
            --default-addr-pool-mask-length "$OVERLAY_PREFIX_LENGTH"
    elif [ "$OVERLAY_CHOSEN" = true ]; then
        fail "the image's engine is too old for the labels on addresses of containers"
    fi
    # What it prints has a token in it.
    docker swarm init "$@" > /dev/null
fi

docker swarm join-token -q worker > /run/magnum/signal-data
if [ -n "$TOKEN_SIGNAL" ] && [ ! -e /var/lib/magnum/signalled ]; then
    docker swarm join-token -q manager > /run/magnum/manager-token
    /opt/magnum/bin/signal SUCCESS "token for managers" "$TOKEN_SIGNAL" /run/magnum/manager-token
    rm -f /run/magnum/manager-token
fi
