#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Write the container engine's settings: its API on 2376, with TLS unless disabled, and on the usual
# socket for this node itself, and no larger packets than the node's network takes.
# Inputs: NODE_IP TLS_DISABLED
# Optional: STORAGE_DRIVER INSECURE_REGISTRY
# Programs: dockerd|dockerd-current
# Reads: /proc/net/route /sys/class/net
# Writes: /etc/docker/daemon.json
# shellcheck source=magnum/drivers/scripts/lib/step.sh
. /opt/magnum/lib/step.sh
# shellcheck source=magnum/drivers/scripts/lib/json.sh
. /opt/magnum/lib/json.sh

# text VALUE: print it as a JSON string.
text() {
    printf '%s\n' "$1" | json_text
}

# link_mtu: print the MTU of the link that has the default route, of several the preferred one.
link_mtu() {
    link=$(awk '$2 $8 == "0000000000000000" && (link == "" || $7 < best) { link = $1; best = $7 }
        END { print link }' /proc/net/route) && cat "/sys/class/net/$link/mtu"
} 2> /dev/null

# mtu_json: print settings for a network that takes less than the 1500 of which engines think, as
# tunnelled ones do.  "mtu" is for the default bridge alone; for those that users and the swarm make
# engines before 24.0 have no setting.  What its own tunnels need an overlay takes off by itself.
mtu_json() {
    printf ',\n  "mtu": %s' "$mtu"
    "$engine" --help | grep -q -e --default-network-opt || return 0
    option="{\"com.docker.network.driver.mtu\": \"$mtu\"}"
    printf ',\n  "default-network-opts": {"bridge": %s, "overlay": %s}' "$option" "$option"
}

# daemon_json: print the settings.  Source: the reference of dockerd.
daemon_json() {
    host="tcp://0.0.0.0:2376"
    [ "$TLS_DISABLED" = false ] || host="tcp://$NODE_IP:2376"
    printf '{\n  "hosts": ["unix:///var/run/docker.sock", "%s"]' "$host"
    if [ "$TLS_DISABLED" = false ]; then
        printf ',\n  "tlsverify": true,\n  "tlscacert": "/etc/docker/ca.crt"'
        printf ',\n  "tlscert": "/etc/docker/server.crt",\n  "tlskey": "/etc/docker/server.key"'
    else
        # Said aloud, or engines of today do not start.
        printf ',\n  "tls": false'
    fi
    [ -z "$STORAGE_DRIVER" ] || printf ',\n  "storage-driver": %s' "$(text "$STORAGE_DRIVER")"
    [ -z "$INSECURE_REGISTRY" ] ||
        printf ',\n  "insecure-registries": [%s]' "$(text "$INSECURE_REGISTRY")"
    [ "${mtu:-1500}" -ge 1500 ] || mtu_json
    printf '\n}\n'
}

engine=$(command -v dockerd || command -v dockerd-current)
# Where it cannot be told the engine's own choice has to do.
mtu=$(link_mtu) || mtu=
mkdir -p /etc/docker
daemon_json > /etc/docker/daemon.json
