#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Have a container engine: the image's own, or one that is fetched, with a unit that starts it.
# Programs: docker dockerd|dockerd-current
# Writes: /etc/systemd/system/docker.service where the engine was downloaded
# shellcheck source=magnum/drivers/scripts/lib/step.sh
. /opt/magnum/lib/step.sh

engine=$(command -v dockerd || command -v dockerd-current)
case $engine in
/opt/magnum/*) ;;
*) exit 0 ;;
esac

# It starts a containerd of its own.
cat > /etc/systemd/system/docker.service << UNIT
[Unit]
Description=Container engine
Wants=network-online.target
After=network-online.target

[Service]
Type=notify
ExecStart=$engine
ExecReload=/bin/kill -s HUP \$MAINPID
Delegate=yes
KillMode=process
LimitNOFILE=1048576
LimitNPROC=infinity
TasksMax=infinity
OOMScoreAdjust=-500
Restart=always
RestartSec=2

[Install]
WantedBy=multi-user.target
UNIT
chmod 644 /etc/systemd/system/docker.service
