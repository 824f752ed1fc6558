#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Real effects, on a mini cloud and by the processes of the service.  What would change the
# machine itself stays a recorder: packages, firewall, systemd.
# Reads: OPENSTACK, the command line client, and the OS_* that it wants; PROGRAMS, the folder
# of the service's programs; DATABASE_URL, with {name} in it; TRANSPORT_URL.

function openstack {
    record openstack "$@"
    "$OPENSTACK" "$@"
}

# Identity

function get_or_create_domain {
    "$OPENSTACK" domain create "$1" --description "$2" --or-show -f value -c id
}

function get_or_create_role {
    "$OPENSTACK" role create "$1" --or-show -f value -c id
}

function get_or_create_user {
    "$OPENSTACK" user create "$1" --password "$2" --domain "$3" --or-show -f value -c id
}

function get_or_add_user_domain_role {
    "$OPENSTACK" role add "$1" --user "$2" --domain "$3"
}

function create_service_user {
    local user
    user=$(get_or_create_user "$1" "$SERVICE_PASSWORD" default)
    "$OPENSTACK" role add "$2" --user "$user" --project "$SERVICE_PROJECT_NAME"
}

function get_or_create_service {
    "$OPENSTACK" service show "$2" -f value -c id 2>/dev/null ||
        "$OPENSTACK" service create "$2" --name "$1" --description "$3" -f value -c id
}

function get_or_create_endpoint {
    local interface found
    for interface in public admin internal; do
        found=$("$OPENSTACK" endpoint list --service "$1" --region "$2" \
            --interface "$interface" -f value -c ID)
        if [[ -z "$found" ]]; then
            "$OPENSTACK" endpoint create --region "$2" "$1" "$interface" "$3" >/dev/null
        fi
    done
}

# The image is in Glance already.
function upload_images { record upload_image "$IMAGE_URLS"; }

# Database and messages

function database_connection_url { echo "${DATABASE_URL//'{name}'/$1_devstack}"; }

function recreate_database {
    "$PROGRAMS/python" - "$(database_connection_url "$1")" <<END
import sys, sqlalchemy
url = sqlalchemy.make_url(sys.argv[1])
engine = sqlalchemy.create_engine(url.set(database=""), isolation_level="AUTOCOMMIT")
with engine.connect() as connection:
    connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {url.database}")
    connection.exec_driver_sql(f"CREATE DATABASE {url.database} CHARACTER SET $2")
END
}

function get_transport_url { echo "$TRANSPORT_URL"; }

# Processes

function run_process {
    if is_service_enabled "$1"; then
        record run_process "$@"
        # shellcheck disable=SC2086 # a command with its arguments
        env -i PATH="$PATH" setsid $2 </dev/null >"$ROOM/$1.log" 2>&1 &
        echo $! >"$ROOM/$1.pid"
        echo "$1" >>"$ROOM/running"
    fi
}

function stop_process {
    local pid
    if [[ -e "$ROOM/$1.pid" ]]; then
        pid=$(cat "$ROOM/$1.pid")
        rm "$ROOM/$1.pid"
        kill "$pid" || return 0
        # shellcheck disable=SC2016 # for the other shell
        timeout 30 bash -c 'while kill -0 "$0" 2>/dev/null; do sleep 0.2; done' "$pid" ||
            kill -KILL -- "-$pid"
        sed -i "/^$1\$/d" "$ROOM/running"
    fi
}

# It need not be installed where these tests run.
function curl {
    "$PROGRAMS/python" -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=5)' \
        "${*: -1}" 2>/dev/null
}
export -f curl
export PROGRAMS
