#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Start the container engine with its settings, as the image starts it otherwise.
# Inputs: NODE_IP MANAGER_IPS
# Optional: STORAGE_DRIVER INSECURE_REGISTRY HTTP_PROXY HTTPS_PROXY NO_PROXY CLUSTER_CIDR
# Reads: /etc/docker/daemon.json
# Writes: /etc/sysconfig/docker if there is one
# Writes: /etc/systemd/system/docker.service.d/magnum.conf
# shellcheck source=magnum/drivers/scripts/lib/step.sh
. /opt/magnum/lib/step.sh

dropin=/etc/systemd/system/docker.service.d/magnum.conf

# taken_over: print a sed script that drops the options which are daemon.json's: an engine that is
# given one by both does not start.  With a storage driver go its own options, which another does not
# know; and a swarm's engine must not keep containers alive without itself.
taken_over() {
    rest="[^ \"']*"
    echo "s| *-H[= ]*[a-z]*://$rest||g;s| *--host[= ]*[a-z]*://$rest||g;s/ *--live-restore$rest//g"
    echo "s/ *--tls[ac]*cert[= ]*$rest//g;s/ *--tlskey[= ]*$rest//g;s/ *--tls$rest//g"
    [ -z "$STORAGE_DRIVER" ] || {
        echo "s/ *--storage-[a-z]*[= ]*$rest//g;s/ *[\$]DOCKER_STORAGE_OPTIONS//g"
        printf '%s\n' "s/\([ \"']\)-s[= ][= ]*$rest/\1/g"
    }
    [ -z "$INSECURE_REGISTRY" ] || echo "s/ *--insecure-registry[= ]*$rest//g"
    ! grep -q '"mtu":' /etc/docker/daemon.json ||
        echo "s/ *--mtu[= ]*$rest//g;s/ *--default-network-opt[= ]*$rest//g"
}

# unit_command: print how the image starts its engine, without the options daemon.json takes over.
# An image's other options have to stay: some name runtimes that nothing would find otherwise.
unit_command() {
    systemctl cat docker.service |
        awk '/\\$/ { sub(/\\$/, ""); printf "%s", $0; next } { print }' |
        sed -n 's/^ExecStart=\(..*\)$/\1/p' | tail -n 1 | sed "$(taken_over)"
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
mkdir -p "${dropin%/*}"
{
    printf '[Service]\nExecStart=\nExecStart=%s\n' "${command:-$engine}"
    [ ! -d /opt/magnum/programs ] || setting PATH "$PATH"
    proxies
} > "$dropin"

# Some images have options here, which their unit adds.
[ ! -f /etc/sysconfig/docker ] || sed -i "$(taken_over)" /etc/sysconfig/docker

systemctl daemon-reload
systemctl --quiet enable docker.service
# Of a failure the engine's own words only, not what systemd says about it.
systemctl restart docker.service 2> /dev/null || {
    journalctl _SYSTEMD_UNIT=docker.service -n 2 --no-pager -o cat >&2 || true
    fail "the container engine does not start"
}
again 30 2 docker version --format '{{.Server.Version}}' ||
    fail "the container engine does not answer"
# With 1.12, the first that has a swarm mode, what follows could not look into the swarm.
docker info --help | grep -q -e --format ||
    fail "the container engine is too old, 1.13 is the first that can be used"
