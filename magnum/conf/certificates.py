# SPDX-License-Identifier: Apache-2.0
"""Where certificates and their keys are kept."""

from oslo_config import cfg

GROUP = "certificates"

OPTIONS = (
    cfg.StrOpt(
        "cert_manager_type",
        default="barbican",
        help="Store of certificates and keys, an entry point of magnum.cert_manager.backend.",
    ),
    cfg.StrOpt(
        "storage_path",
        default="/var/lib/magnum/certificates/",
        help="Directory of the 'local' store.",
    ),
    cfg.IntOpt(
        "cache_seconds",
        default=300,
        min=0,
        help="Seconds a process keeps a fetched certificate and key in its memory; 0 for never.",
    ),
)
