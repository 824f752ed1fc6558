# SPDX-License-Identifier: Apache-2.0
"""Deadlines of operations that Heat carries out."""

from oslo_config import cfg

GROUP = "cluster_heat"

OPTIONS = (
    cfg.IntOpt(
        "create_timeout",
        default=60,
        min=1,
        max=10080,
        deprecated_opts=[cfg.DeprecatedOpt("bay_create_timeout", group="bay_heat")],
        help="Minutes a creation may take when the user named none (or 0).",
    ),
    cfg.IntOpt(
        "update_timeout",
        default=60,
        min=1,
        max=10080,
        help="Minutes an update may take when the cluster was created without a time-out of "
        "its own.",
    ),
    cfg.IntOpt(
        "delete_timeout",
        default=30,
        min=1,
        max=10080,
        help="Minutes a deletion may take before it is FAILED with the list of what remains.  "
        "Deleting again starts anew.",
    ),
    cfg.IntOpt(
        "delete_attempts",
        default=3,
        min=1,
        max=20,
        help="Times Heat is asked to delete a stack that it failed to delete, each after what "
        "stood in the way and may be removed has been removed.",
    ),
)
