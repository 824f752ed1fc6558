# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What every step starts with: the node's variables and the functions of all steps.  Sourced.
#
# A step's header says what it needs: each of `# Inputs:` has to have a value, those of
# `# Optional:` are empty when they are not given.  `# Programs:` are fetched when the image lacks
# them; `a|b` is one program with two names.
set -eu
umask 077
PATH="$PATH:/opt/magnum/programs"

for file in /etc/magnum/cluster.env /etc/magnum/node.env; do
    # shellcheck source=/dev/null
    . "$file"
done
mkdir -p /run/magnum

# fail WORDS: end the step; the words are what the user gets to read.
fail() {
    echo "$*" >&2
    exit 1
}

# again TRIES SECONDS COMMAND: run it until it succeeds, waiting in between.
again() {
    left=$1 pause=$2
    shift 2
    until "$@"; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || return 1
        sleep "$pause"
    done
}

# has PROGRAM: it can be run.
has() {
    command -v "${1%%|*}" > /dev/null || command -v "${1#*|}" > /dev/null
}

optional=$(sed -n 's/^# Optional: //p' "$0")
for name in $optional; do
    eval ": \"\${$name:=}\""
done
inputs=$(sed -n 's/^# Inputs: //p' "$0")
for name in $inputs; do
    eval "[ -n \"\${$name:-}\" ]" || fail "$name is not set"
done
programs=$(sed -n 's/^# Programs: //p' "$0")
for program in $programs; do
    has "$program" || /opt/magnum/bin/provide "$program" || exit 1
done
