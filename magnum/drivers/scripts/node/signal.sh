#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Signal a Heat wait condition: signal STATUS REASON [HANDLE DATA_FILE].
# STATUS is SUCCESS or FAILURE; HANDLE is the JSON of a handle of the kind HEAT_SIGNAL, this node's
# own when left out.  With SUCCESS goes what is in DATA_FILE, a line for other nodes.
# Inputs: HEAT_SIGNAL
# Programs: curl
# Reads: /run/magnum/signal-data unless DATA_FILE is given
# shellcheck source=magnum/drivers/scripts/lib/step.sh
. /opt/magnum/lib/step.sh
# shellcheck source=magnum/drivers/scripts/lib/json.sh
. /opt/magnum/lib/json.sh
# shellcheck source=magnum/drivers/scripts/lib/http.sh
. /opt/magnum/lib/http.sh

status=$1 reason=$2 handle=${3:-$HEAT_SIGNAL} data_file=${4:-/run/magnum/signal-data}

# member NAME: print a member of the handle.
member() {
    printf '%s\n' "$handle" | json_string "$1" || fail "the handle has no $1"
}

url=$(member alarm_url)
auth_url=$(member auth_url)
user_id=$(member user_id)
password=$(member password)
project_id=$(member project_id)
case $auth_url in */v3 | */v3/) ;; *) auth_url=${auth_url%/}/v3 ;; esac

data=
if [ "$status" = SUCCESS ] && [ -e "$data_file" ]; then
    data=$(cat "$data_file")
fi
body=$(mktemp /run/magnum/signal.XXXXXX)
trap 'rm -f "$body" "$body.answer" "$body.answer.headers"' EXIT
printf '{"status": "%s", "reason": %s, "data": %s, "id": "node"}' "$status" \
    "$(printf '%s\n' "$reason" | json_text)" "$(printf '%s\n' "$data" | json_text)" > "$body"

HTTP_TRIES=30
HTTP_TOKEN=$(login "$auth_url" "$user_id" "$password" "{\"project\": {\"id\": \"$project_id\"}}")
http POST "$url" "$body" "$body.answer"
