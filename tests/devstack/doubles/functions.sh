#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the plugin expects of DevStack of any age: recorders with just as much effect as the
# plugin, or a test, can notice.
# Reads: CALLS, the log, a line a call, its words parted by tabs; ROOM, a folder for what
# would be on the machine.  Has files there: running, rules, images, units.

function record {
    local IFS=$'\t'
    printf '%s\n' "$*" >>"$CALLS"
}

# Output and ends

function echo_summary { record echo_summary "$@"; }
function warn { record warn "${*:2}"; }
function die {
    echo "${*:2}" >&2
    exit 1
}

# Services

ENABLED_SERVICES=${ENABLED_SERVICES:-}
DISABLED_SERVICES=${DISABLED_SERVICES:-}

function is_service_enabled {
    local service
    for service in "$@"; do
        if [[ ",$ENABLED_SERVICES," == *",$service,"* ]]; then
            return 0
        fi
    done
    return 1
}

function enable_service {
    local service
    for service in "$@"; do
        if ! is_service_enabled "$service" && [[ ",$DISABLED_SERVICES," != *",$service,"* ]]; then
            ENABLED_SERVICES=${ENABLED_SERVICES:+$ENABLED_SERVICES,}$service
        fi
    done
}

function disable_service {
    local service list
    for service in "$@"; do
        list=",$ENABLED_SERVICES,"
        list=${list//",$service,"/,}
        list=${list#,}
        ENABLED_SERVICES=${list%,}
        DISABLED_SERVICES=${DISABLED_SERVICES:+$DISABLED_SERVICES,}$service
    done
}

# Of the settings of other plugins only Barbican's matter.
function enable_plugin {
    record enable_plugin "$@"
    DEVSTACK_PLUGINS=${DEVSTACK_PLUGINS:+$DEVSTACK_PLUGINS,}$1
    if [[ $1 == barbican ]]; then
        enable_service barbican
    fi
}

# As the real one, it starts nothing that is not enabled.
function run_process {
    if is_service_enabled "$1"; then
        record run_process "$@"
        echo "$1" >>"$ROOM/running"
    fi
}

function stop_process {
    record stop_process "$@"
    sed -i "/^$1\$/d" "$ROOM/running"
}

# Files of options

# _ini set|delete file section option [value]
function _ini {
    local file=$2
    touch "$file"
    awk -v what="$1" -v section="[$3]" -v option="$4" -v value="${5:-}" '
        function put() { print option " = " value; done = 1 }
        /^\[/ && inside && what == "set" && !done { put() }
        /^\[/ { inside = ($0 == section) }
        inside && $1 == option && $2 == "=" { if (what == "set" && !done) put(); next }
        { print }
        END {
            if (what == "set" && !done) {
                if (!inside) print section
                put()
            }
        }' "$file" >"$ROOM/ini"
    cat "$ROOM/ini" >"$file"
}

function iniset {
    record iniset "$@"
    _ini set "$@"
}

function inidelete { _ini delete "$@"; }

function iniget {
    awk -v section="[$2]" -v option="$3" '
        /^\[/ { inside = ($0 == section) }
        inside && $1 == option && $2 == "=" { sub(/^[^=]*= */, ""); print }' "$1"
}

# Software

declare -A GITREPO GITBRANCH GITDIR PROJECT_VENV
export GITREPO GITBRANCH GITDIR PROJECT_VENV

function get_python_exec_prefix { echo "$PROGRAMS"; }
function use_library_from_git { [[ ",${LIBS_FROM_GIT:-}," == *",$1,"* ]]; }
function git_clone { record git_clone "$@"; }
function git_clone_by_name { record git_clone "${GITREPO[$1]}" "${GITDIR[$1]}" "${GITBRANCH[$1]}"; }
function setup_develop { record setup_develop "$@"; }
function setup_dev_lib { record setup_dev_lib "$@"; }
function pip_install { record pip_install "$@"; }
function pip_install_gr { record pip_install_gr "$@"; }

# Identity

function create_service_user { record create_service_user "$@"; }
function get_or_create_role { record get_or_create_role "$@"; }
function get_or_add_user_domain_role { record get_or_add_user_domain_role "$@"; }
function get_or_create_domain {
    record get_or_create_domain "$@"
    echo "id-of-domain-$1"
}
function get_or_create_user {
    record get_or_create_user "$@"
    echo "id-of-user-$1"
}
function get_or_create_service {
    record get_or_create_service "$@"
    echo "id-of-service-$2"
}
function get_or_create_endpoint { record get_or_create_endpoint "$@"; }

# Images

function upload_images {
    local url
    for url in ${IMAGE_URLS//,/ }; do
        record upload_image "$url"
        if [[ "$url" != *unreachable* ]]; then
            basename "$url" | sed -E 's/\.(qcow2|img)(\.xz)?$//' >>"$ROOM/images"
        fi
    done
}

function openstack {
    record openstack "$@"
    if [[ "$1 $2" == "image show" ]]; then
        grep -qx "$3" "$ROOM/images"
    fi
}

# Database

function recreate_database { record recreate_database "$@"; }
function database_connection_url { echo "$DATABASE_BASE/$1?charset=utf8"; }

# The machine

function sudo { "$@"; }

function ip {
    if [[ "${OFFLINE:-}" == True ]]; then
        echo "RTNETLINK answers: Network is unreachable" >&2
        return 2
    fi
    echo "$3 via 192.0.2.1 dev eth7 src $HOST_IP uid 0"
}

function iptables {
    local rule="$2 ${*:4}"
    case "$3" in
        -C) grep -qxF -- "$rule" "$ROOM/rules" ;;
        -I) echo "$rule" >>"$ROOM/rules" ;;
        -D)
            grep -vxF -- "$rule" "$ROOM/rules" >"$ROOM/kept" || true
            mv "$ROOM/kept" "$ROOM/rules"
            ;;
    esac
}

function systemctl { grep -qx "${*: -1}" "$ROOM/units"; }

function curl {
    record curl "${*: -1}"
    [[ "${DEAF:-}" != True ]]
}
export -f record curl
export CALLS DEAF
touch "$ROOM"/{running,rules,images,units}
