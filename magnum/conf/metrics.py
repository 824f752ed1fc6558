# SPDX-License-Identifier: Apache-2.0
"""Where operators' monitoring finds metrics and the deep health check."""

from oslo_config import cfg

GROUP = "metrics"

OPTIONS = (
    cfg.BoolOpt(
        "enabled",
        default=True,
        help="Whether metrics and the deep health check are served where a port is set for them.",
    ),
    cfg.HostAddressOpt(
        "host",
        default="127.0.0.1",
        help="Address they are served on, without authentication: one that only monitoring "
        "reaches, never one of tenants.",
    ),
    cfg.PortOpt(
        "api_port",
        help="Port on which an API serves them (/metrics and /healthz), for all of its worker "
        "processes together; nothing is served when unset.  Every API of a host needs its own.",
    ),
    cfg.ListOpt(
        "conductor_ports",
        default=[],
        item_type=cfg.types.Port(),
        help="Ports on which conductors serve them; nothing is served when empty.  A conductor "
        "takes the first that is free, so that several on one host can share a configuration: "
        "name as many ports as conductors.",
    ),
    cfg.StrOpt(
        "directory",
        help="Directory in which the worker processes of an API put their figures together; made "
        "when missing.  Every API of a host needs its own.  magnum-api makes a temporary one when "
        "unset; other WSGI servers need it to be set.",
    ),
)
