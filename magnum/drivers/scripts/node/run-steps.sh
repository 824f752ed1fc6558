#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Run the steps listed in /etc/magnum/steps and signal how they went.
# Started by the node's first boot; may be run again by hand, every step copes with that.
# Reads: /etc/magnum/steps
# Writes: /var/log/magnum-node.log (for root only), /var/lib/magnum/signalled
set -eu
umask 077
log=/var/log/magnum-node.log
signalled=/var/lib/magnum/signalled
output=/run/magnum/step-output
mkdir -p /run/magnum /var/lib/magnum
[ -e "$log" ] || : > "$log"
chmod 600 "$log"

# Heat hears of the first run only: a condition that has been met takes no second signal.
tell() {
    [ ! -e "$signalled" ] || return 0
    /opt/magnum/bin/signal "$1" "$2" >> "$log" 2>&1 || {
        echo "magnum: the signal $1 did not get through, see $log"
        exit 1
    }
    : > "$signalled"
}

while read -r step; do
    echo "magnum: step $step"
    echo "== $step, $(date -u +%Y-%m-%dT%H:%M:%SZ)" >> "$log"
    if sh "/opt/magnum/bin/$step.sh" > "$output" 2>&1 < /dev/null; then
        cat "$output" >> "$log"
        continue
    fi
    cat "$output" >> "$log"
    # The last words are the step's own; before them may be long lines of a program's.
    reason=$(tail -n 4 "$output" | tr '\n' ' ' | tail -c 600)
    echo "magnum: step $step failed, see $log"
    tell FAILURE "$step: ${reason:-failed without a word}"
    exit 1
done < /etc/magnum/steps
rm -f "$output"
tell SUCCESS "all steps done"
echo "magnum: all steps done"
