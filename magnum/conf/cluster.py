# SPDX-License-Identifier: Apache-2.0
"""Which kinds of clusters a site offers."""

from oslo_config import cfg

GROUP = "cluster"

OPTIONS = (
    cfg.ListOpt(
        "enabled_definitions",
        default=["all"],
        deprecated_opts=[cfg.DeprecatedOpt("enabled_definitions", group="bay")],
        help="Drivers that new clusters and cluster templates may be of, by their names as "
        "magnum-template-manage list-templates shows them, or by the names their definitions had "
        "in 2015, such as magnum_vm_atomic_swarm; 'all' enables every installed one.  Clusters of "
        "a driver that is disabled later go on and can be changed and deleted.",
    ),
)
