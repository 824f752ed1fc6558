# SPDX-License-Identifier: Apache-2.0
"""Options of the conductor process."""

from oslo_config import cfg

GROUP = "conductor"

OPTIONS = (
    cfg.StrOpt(
        "topic", default="magnum-conductor", help="Message queue topic conductors listen on."
    ),
    cfg.IntOpt(
        "workers",
        default=8,
        min=1,
        max=256,
        help="Steps of operations carried out at a time.  Waiting for Heat takes no worker.",
    ),
    cfg.IntOpt(
        "lease_seconds",
        default=20,
        min=2,
        max=300,
        help="Seconds a conductor holds an operation without renewing.  When it dies, another "
        "one takes over after at most this long.  Renewed four times as often.",
    ),
    cfg.FloatOpt(
        "sweep_interval",
        default=2.0,
        min=0.1,
        max=60,
        help="Seconds between two looks into the table for operations nobody works on.  Bounds "
        "how long a request waits when its message was lost.",
    ),
    cfg.IntOpt(
        "heartbeat_interval",
        default=60,
        min=1,
        help="Seconds between two heartbeats in the list of services.",
    ),
    cfg.FloatOpt(
        "watch_interval",
        default=1.0,
        min=0.1,
        max=60,
        help="Seconds between two looks at the Heat stacks in flight of one project, while one "
        "of them is young or was seen to change.  Each look is one call for all of them.",
    ),
    cfg.FloatOpt(
        "watch_interval_max",
        default=10.0,
        min=0.1,
        max=300,
        help="Seconds to which that interval grows while nothing changes.",
    ),
    cfg.IntOpt(
        "retry_interval_max",
        default=30,
        min=1,
        max=600,
        help="Longest pause in seconds before a step that failed for a passing reason is tried "
        "again.  Pauses start at one second and double.",
    ),
    cfg.IntOpt(
        "drain_timeout",
        default=60,
        min=0,
        max=3600,
        help="Seconds that the tasks on a node which is to go have to end before it goes all the "
        "same.  They start on other nodes meanwhile.  Counts against the time of the update.",
    ),
    cfg.IntOpt(
        "health_interval",
        default=30,
        min=0,
        max=3600,
        help="Seconds between two looks at the nodes of a finished bay; 0 for none.  All "
        "conductors share the bays.",
    ),
    cfg.IntOpt(
        "health_workers",
        default=8,
        min=1,
        max=256,
        help="Bays looked at at a time.  One that hangs takes a place for some seconds.",
    ),
    cfg.ListOpt(
        "notification_nouns",
        default=["bay"],
        item_type=cfg.types.String(choices=["bay", "cluster"]),
        help="What clusters are called in notifications, whichever API they were asked for by: "
        "bay (magnum.bay.create) or cluster (magnum.cluster.create).  With both, everything is "
        "sent twice.  Nothing is sent unless [oslo_messaging_notifications] driver is set, for "
        "the API and the conductors alike.",
    ),
)
