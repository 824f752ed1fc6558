# SPDX-License-Identifier: Apache-2.0
"""Reading the options: what every program does first, and :mod:`magnum.wsgi` too."""

import importlib.metadata
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from oslo_config import cfg
from oslo_log import log

from magnum.conf import CONF, legacy, opts
from magnum.core.errors import Misconfigured

PROJECT = "magnum"


def load(
    arguments: Sequence[str], description: str = "", epilog: str = "", *, is_quiet: bool = False
) -> cfg.ConfigOpts:
    """Read the command line and, unless it names others, ``/etc/magnum/magnum.conf``.

    Sets logging up.  Warns of every option with a former name, before the process forks, so that
    its children do not.

    :param description: what ``--help`` says first.
    :param epilog: what it says last.
    :param is_quiet: whether to log no more than warnings, unless ``[DEFAULT] debug`` is set, and
        nothing on standard output.
    :raises Misconfigured: an option, or a file of them, cannot be read.
    """
    log.register_options(CONF)
    if is_quiet:
        CONF.set_default("use_stderr", True)  # else oslo.log writes to standard output
    read(arguments, description, epilog)
    with _readable():
        log.setup(CONF, PROJECT)
        if is_quiet and not CONF.debug:
            logging.getLogger().setLevel(logging.WARNING)
        legacy.honour(CONF)
        _look_at(CONF)
    return CONF


def read(arguments: Sequence[str], description: str = "", epilog: str = "") -> None:
    """Do as :func:`load`, but leave logging and former names alone.

    :raises Misconfigured: an option, or a file of them, cannot be read.
    """
    with _readable():
        CONF(
            list(arguments),
            project=PROJECT,
            version=importlib.metadata.version(PROJECT),
            description=description,
            epilog=epilog,
        )


@contextmanager
def _readable() -> Iterator[None]:
    """Say in a sentence why the configuration cannot be read."""
    try:
        yield
    except (cfg.Error, log.LogConfigError) as error:
        raise Misconfigured(f"The configuration cannot be used: {_told(error)}") from error


def _told(error: Exception) -> str:
    told = str(error)
    if isinstance(error, cfg.ConfigFileParseError):
        return told.partition(": '")[0]  # then comes the line, which may hold a password
    return told


def _look_at(conf: cfg.ConfigOpts) -> None:
    """Look at each option of ours, as it is then that oslo.config judges and warns."""
    for group, options in opts.list_opts():
        for option in options:
            _ = conf[option.dest] if group == "DEFAULT" else conf[group][option.dest]
