# SPDX-License-Identifier: Apache-2.0
"""What all programs do first: read options, set logging up."""

import importlib.metadata
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from oslo_config import cfg
from oslo_log import log

from magnum.conf import CONF
from magnum.core.errors import Misconfigured

PROJECT = "magnum"


def parse(
    arguments: Sequence[str],
    description: str = "",
    epilog: str = "",
    *,
    status: int = 1,
    is_quiet: bool = False,
) -> cfg.ConfigOpts:
    """Read the command line and, unless it names others, ``/etc/magnum/magnum.conf``.

    :param description: what ``--help`` says first.
    :param epilog: what it says last.
    :param status: with which the program ends when they cannot be read.
    :param is_quiet: whether to log no more than warnings, unless ``[DEFAULT] debug`` is set, and
        nothing on standard output.
    """
    log.register_options(CONF)
    if is_quiet:
        CONF.set_default("use_stderr", True)  # else oslo.log writes to standard output
    read(arguments, description, epilog, status)
    with _readable(status):
        log.setup(CONF, PROJECT)
    if is_quiet and not CONF.debug:
        logging.getLogger().setLevel(logging.WARNING)
    return CONF


def read(
    arguments: Sequence[str], description: str = "", epilog: str = "", status: int = 1
) -> None:
    """Do as :func:`parse` and leave logging alone."""
    with _readable(status):
        CONF(
            list(arguments),
            project=PROJECT,
            version=importlib.metadata.version(PROJECT),
            description=description,
            epilog=epilog,
        )


@contextmanager
def _readable(status: int) -> Iterator[None]:
    """End the program with a plain sentence when its configuration cannot be read."""
    try:
        yield
    except (cfg.Error, log.LogConfigError) as error:
        told = str(error)
        if isinstance(error, cfg.ConfigFileParseError):
            told = told.partition(": '")[0]  # then comes the line, which may hold a password
        print(f"The configuration cannot be used: {told}", file=sys.stderr)
        sys.exit(status)


@contextmanager
def explained(status: int = 1) -> Iterator[None]:
    """End the program with a plain sentence, and a status, when an option cannot work."""
    try:
        yield
    except Misconfigured as error:
        print(error.message, file=sys.stderr)
        sys.exit(status)
