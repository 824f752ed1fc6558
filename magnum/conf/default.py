# SPDX-License-Identifier: Apache-2.0
"""Options of the DEFAULT group."""

import socket

from oslo_config import cfg

GROUP = "DEFAULT"

OPTIONS = (
    cfg.StrOpt(
        "host",
        default=socket.getfqdn(),
        sample_default="controller.example.com",
        help="Name this host is known by in the list of services (mservices).",
    ),
    cfg.StrOpt(
        "state_path",
        default="/var/lib/magnum",
        help="Directory of state that is not in the database.",
    ),
    cfg.IntOpt(
        "service_down_time",
        default=180,
        min=1,
        help="Seconds without a heartbeat after which a conductor is shown as down.",
    ),
)
