#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Configure and start the container engine: its API on 2376, with TLS unless disabled, and on the
# usual socket for this node itself.
# Inputs: NODE_IP TLS_DISABLED MANAGER_IPS
# Optional: STORAGE_DRIVER INSECURE_REGISTRY HTTP_PROXY HTTPS_PROXY NO_PROXY CLUSTER_CIDR
# Writes: /etc/docker/daemon.json /etc/systemd/system/docker.service.d/magnum.conf
# shellcheck source=magnum/drivers/scripts/lib/step.sh
. /opt/magnum/lib/step.sh
# shellcheck source=magnum/drivers/scripts/lib/json.sh
. /opt/magnum/lib/json.sh

dropin=/etc/systemd/system/docker.service.d/magnum.conf

# unit_command: print how the image starts its engine, without the options daemon.json takes over.
# An image's other options have to stay: some name runtimes that nothing would find otherwise.
unit_command() {
    systemctl cat docker.service |
        awk '/\\$/ { sub(/\\$/, ""); printf "%s", $0; next } { print }' |
        sed -n 's/^ExecStart=\(..*\)$/\1/p' | tail -n 1 |
        sed -e 's/ -H *fd:\/\/[^ ]*//' -e 's/ --host[= ]*fd:\/\/[^ ]*//' \
            -e 's/ --live-restore[^ ]*//' |
        if [ -n "$STORAGE_DRIVER" ]; then sed 's/ [$]DOCKER_STORAGE_OPTIONS//'; else cat; fi
}

# text VALUE: print it as a JSON string.
text() {
    printf '%s\n' "$1" | json_text
}

# daemon_json: print the engine's configuration.  Source: the reference of dockerd.
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
    printf '\n}\n'
}

# setting NAME VALUE: print an Environment= line of a unit.
setting() {
    [ -z "$2" ] ||
        printf 'Environment="%s=%s"\n' "$1" "$(printf '%s\n' "$2" | sed 's/[\\"]/\\&/g; s/%/%%/g')"
}

# proxies: print the proxy settings.  The cluster's own addresses are always reached directly:
# an engine would otherwise ask the proxy for its swarm.
proxies() {
    [ -n "$HTTP_PROXY$HTTPS_PROXY" ] || return 0
    direct="localhost,127.0.0.1,$NODE_IP,$MANAGER_IPS${CLUSTER_CIDR:+,$CLUSTER_CIDR}"
    setting HTTP_PROXY "$HTTP_PROXY"
    setting HTTPS_PROXY "$HTTPS_PROXY"
    setting NO_PROXY "$direct${NO_PROXY:+,$NO_PROXY}"
}

engine=$(command -v dockerd || command -v dockerd-current) || fail "there is no dockerd"
command=$(unit_command) || command=
mkdir -p /etc/docker "${dropin%/*}"
daemon_json > /etc/docker/daemon.json
{
    printf '[Service]\nExecStart=\nExecStart=%s\n' "${command:-$engine}"
    [ ! -d /opt/magnum/programs ] || setting PATH "$PATH"
    proxies
} > "$dropin"

# A swarm's engine must not keep containers alive without itself; some images ask for that here.
[ ! -f /etc/sysconfig/docker ] || sed -i 's/ *--live-restore[^ "'"'"']*//' /etc/sysconfig/docker

systemctl daemon-reload
systemctl --quiet enable docker.service
# Of a failure the engine's own words only, not what systemd says about it.
systemctl restart docker.service 2> /dev/null || {
    journalctl _SYSTEMD_UNIT=docker.service -n 2 --no-pager -o cat >&2 || true
    fail "the container engine does not start"
}
again 30 2 docker version --format '{{.Server.Version}}' ||
    fail "the container engine does not answer"
