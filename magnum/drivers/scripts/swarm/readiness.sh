#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Find out whether this node really serves: the engine's API from the network, its TLS, the swarm.
# Inputs: NODE_IP NODE_ROLE TLS_DISABLED
# Programs: curl
# shellcheck source=magnum/drivers/scripts/lib/step.sh
. /opt/magnum/lib/step.sh

url="$NODE_IP:2376/_ping"

# has_swarm: the engine is an active member, and a manager sees itself ready.
has_swarm() {
    [ "$(docker info --format '{{.Swarm.LocalNodeState}}')" = active ] || return 1
    [ "$NODE_ROLE" != master ] ||
        [ "$(docker node inspect self --format '{{.Status.State}}')" = ready ]
}

# has_tls: the engine shows a certificate of our authority that names this node's address, and
# refuses whoever has none: this node's own certificate is a server's and no client's.
has_tls() {
    openssl s_client -connect "$NODE_IP:2376" -CAfile /etc/docker/ca.crt < /dev/null 2>&1 |
        grep -q 'Verify return code: 0 ' || return 1
    result=0
    curl -s --noproxy '*' --max-time 10 --cacert /etc/docker/ca.crt -o /run/magnum/ping \
        "https://$url" || result=$?
    # The connection ended at the missing certificate, sooner or later, or that was said: by 58 where
    # curl has NSS, from 7.77 on also by 98.
    case $result in
    35 | 52 | 55 | 56 | 58 | 98) return 0 ;;
    0) fail "the engine lets clients in that have no certificate" ;;
    *) return 1 ;;
    esac
}

has_plain() {
    [ "$(curl -s --noproxy '*' --max-time 10 "http://$url")" = OK ]
}

again 60 2 has_swarm || fail "the engine is no active member of the swarm"
if [ "$TLS_DISABLED" = false ]; then
    again 15 2 has_tls || fail "the engine does not answer on $NODE_IP:2376 with its certificate"
else
    again 15 2 has_plain || fail "the engine does not answer on $NODE_IP:2376"
fi
