# SPDX-License-Identifier: Apache-2.0
"""What all programs do first: read the options, and say it when one cannot work."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from oslo_config import cfg

from magnum.conf import loading
from magnum.core.errors import Misconfigured


def parse(
    arguments: Sequence[str],
    description: str = "",
    epilog: str = "",
    *,
    status: int = 1,
    is_quiet: bool = False,
) -> cfg.ConfigOpts:
    """Read the options as :func:`magnum.conf.loading.load` does.

    :param status: with which the program ends when they cannot be read.
    """
    with explained(status):
        return loading.load(arguments, description, epilog, is_quiet=is_quiet)


@contextmanager
def explained(status: int = 1) -> Iterator[None]:
    """End the program with a plain sentence, and a status, when an option cannot work."""
    try:
        yield
    except Misconfigured as error:
        print(error.message, file=sys.stderr)
        sys.exit(status)
