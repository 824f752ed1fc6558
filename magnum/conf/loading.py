# SPDX-License-Identifier: Apache-2.0
"""Reading the options: what every program does first, and :mod:`magnum.wsgi` too."""

from collections.abc import Sequence

from oslo_config import cfg
from oslo_log import log

from magnum.conf import CONF, legacy, opts
from magnum.core.errors import Misconfigured

PROJECT = "magnum"


def load(arguments: Sequence[str]) -> cfg.ConfigOpts:
    """Read the command line and, unless it names others, ``/etc/magnum/magnum.conf``.

    Sets logging up.  Warns of every option with a former name, before the process forks, so that
    its children do not.

    :raises Misconfigured: an option, or a file of them, cannot be read.
    """
    log.register_options(CONF)
    try:
        CONF(list(arguments), project=PROJECT)
        log.setup(CONF, PROJECT)
        legacy.honour(CONF)
        _look_at(CONF)
    except (cfg.Error, log.LogConfigError) as error:
        raise Misconfigured(str(error)) from error
    return CONF


def _look_at(conf: cfg.ConfigOpts) -> None:
    """Look at each option of ours, as it is then that oslo.config judges and warns."""
    for group, options in opts.list_opts():
        for option in options:
            _ = conf[option.dest] if group == "DEFAULT" else conf[group][option.dest]
