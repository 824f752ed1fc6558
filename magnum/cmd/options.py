# SPDX-License-Identifier: Apache-2.0
"""What all programs do first: read options, set logging up."""

from collections.abc import Sequence

from oslo_config import cfg
from oslo_log import log

from magnum.conf import CONF

PROJECT = "magnum"


def parse(arguments: Sequence[str]) -> cfg.ConfigOpts:
    """Read the command line and, unless it names others, ``/etc/magnum/magnum.conf``."""
    log.register_options(CONF)
    CONF(list(arguments), project=PROJECT)
    log.setup(CONF, PROJECT)
    return CONF
