# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Rules of the kernel's packet filter that hold from before the engine starts, at every boot.
# Sourced after step.sh; defines at_boot.

# at_boot NAME DESCRIPTION LINE: have a line of shell run by a unit, magnum-NAME, now and whenever
# the node boots; it has no single quotes.  `rule CHAIN WORDS...` in it puts a rule into the table
# mangle, once.  Returns whether the line succeeds.
at_boot() {
    cat > "/etc/systemd/system/magnum-$1.service" << UNIT
[Unit]
Description=$2
Before=docker.service

[Service]
Environment="PATH=$PATH"
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'rule() { iptables -w -t mangle -C "\$\$@" 2> /dev/null || iptables -w -t mangle -A "\$\$@"; }; $3'

[Install]
WantedBy=multi-user.target
UNIT
    chmod 644 "/etc/systemd/system/magnum-$1.service"
    systemctl daemon-reload
    systemctl enable "magnum-$1.service"
    systemctl restart "magnum-$1.service"
}
