#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# stack.sh, unstack.sh and clean.sh, as far as a plugin sees them, stricter than they are.
# usage: devstack.sh stack|unstack|clean|script DOUBLES...
# ``script`` is one that calls the plugin's functions itself.
# Reads: PLUGIN, the plugin's folder; LOCALRC, what the operator has set; SCRIPT, that
# script; LOCAL_CONF, the commands of a local.conf; and what functions.sh reads.
set -eu -o pipefail

program=$1
shift

# shellcheck source=/dev/null
source "$LOCALRC"
HOST_IP=${HOST_IP:-192.0.2.7}
GIT_BASE=https://opendev.org
DATA_DIR=$DEST/data
SSL_BUNDLE_FILE=$DATA_DIR/ca-bundle.pem
SERVICE_PASSWORD=${SERVICE_PASSWORD:-secretservice}
RABBIT_PASSWORD=secretrabbit
KEYSTONE_CONF=$ROOM/keystone.conf
touch "$KEYSTONE_CONF"
IMAGE_URLS=${IMAGE_URLS:-}
STACK_USER=$(id -un)
export HOST_IP GIT_BASE DATA_DIR SSL_BUNDLE_FILE SERVICE_PASSWORD RABBIT_PASSWORD
export KEYSTONE_CONF STACK_USER

for double in functions "$@"; do
    # shellcheck source=/dev/null
    source "$(dirname "$0")/$double.sh"
done
if [[ -e "${LOCAL_CONF:-}" ]]; then
    # shellcheck source=/dev/null
    source "$LOCAL_CONF"
fi
# shellcheck source=/dev/null
source "$PLUGIN/settings"
echo "$ENABLED_SERVICES" >"$ROOM/enabled"

# The arguments of a file that is sourced are its own.
function phase {
    # shellcheck source=/dev/null
    source "$PLUGIN/plugin.sh" "$@"
}

if [[ $program == stack ]]; then
    phase stack pre-install
    phase stack install
    phase stack post-config
    if [[ -n "${STORE:-}" ]]; then  # as a [[post-config|...]] of local.conf would
        iniset "$MAGNUM_CONF" certificates cert_manager_type "$STORE"
    fi
    upload_images
    phase stack extra
    phase stack test-config
elif [[ $program == script ]]; then
    # shellcheck source=/dev/null
    source "$PLUGIN/lib/magnum"
    # shellcheck source=/dev/null
    source "$SCRIPT"
else
    phase "$program"
fi
