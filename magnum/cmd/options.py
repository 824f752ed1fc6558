# SPDX-License-Identifier: Apache-2.0
"""What all programs do first: read options, set logging up."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from oslo_config import cfg
from oslo_log import log

from magnum.conf import CONF
from magnum.core.errors import Misconfigured

PROJECT = "magnum"


def parse(arguments: Sequence[str]) -> cfg.ConfigOpts:
    """Read the command line and, unless it names others, ``/etc/magnum/magnum.conf``."""
    log.register_options(CONF)
    CONF(list(arguments), project=PROJECT)
    log.setup(CONF, PROJECT)
    return CONF


@contextmanager
def explained(status: int = 1) -> Iterator[None]:
    """End the program with a plain sentence, and a status, when an option cannot work."""
    try:
        yield
    except Misconfigured as error:
        print(error.message, file=sys.stderr)
        sys.exit(status)
