# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Talk to OpenStack with curl.  Sourced after json.sh; defines http and login.
#
# Passwords and tokens go through files and stdin, never through a command line, which every
# user of the node could read.  The cloud's own services are reached without a proxy.

# http METHOD URL BODY ANSWER: send the file BODY (empty: none), write what comes to ANSWER and
# its headers to ANSWER.headers.  Sends HTTP_TOKEN if set.  What may pass is tried HTTP_TRIES
# times (12: for four minutes): no answer, a 5xx, and 404, because services learn of things late.
http() (
    method=$1 url=$2 body=$3 answer=$4
    set -- -sS --noproxy '*' --connect-timeout 10 --max-time 60 -X "$method" \
        -H 'Content-Type: application/json' -H 'Accept: application/json' \
        -D "$answer.headers" -o "$answer" -w '%{http_code}' -K -
    [ -z "$body" ] || set -- "$@" --data-binary "@$body"
    tries=0 pause=1
    while :; do
        : > "$answer"
        status=$(
            { [ -z "${HTTP_TOKEN:-}" ] || printf 'header = "X-Auth-Token: %s"\n' "$HTTP_TOKEN"; } |
                curl "$@" "$url"
        ) || status=000
        case $status in
        2??) exit 0 ;;
        000 | 404 | 408 | 429 | 5??) ;;
        *) break ;;
        esac
        tries=$((tries + 1))
        [ "$tries" -lt "${HTTP_TRIES:-12}" ] || break
        sleep "$pause"
        [ "$pause" -ge 30 ] || pause=$((pause * 2))
    done
    echo "$method $url answered $status: $(head -c 300 "$answer" | tr '\n' ' ')" >&2
    exit 1
)

# login AUTH_URL USER_ID PASSWORD SCOPE: print a token.  SCOPE is JSON; "unscoped" with its quotes
# asks for none.
login() (
    umask 077
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    printf '{"auth": {"identity": {"methods": ["password"], "password": {"user":
        {"id": %s, "password": %s}}}, "scope": %s}}' \
        "$(printf '%s\n' "$2" | json_text)" "$(printf '%s\n' "$3" | json_text)" "$4" > "$work/body"
    HTTP_TOKEN='' http POST "${1%/}/auth/tokens" "$work/body" "$work/answer" || exit 1
    token=$(sed -n 's/^[Xx]-[Ss]ubject-[Tt]oken: *//p' "$work/answer.headers" | tr -d '\r')
    [ -n "$token" ] || { echo "$1 gave no token" >&2; exit 1; }
    printf '%s\n' "$token"
)
