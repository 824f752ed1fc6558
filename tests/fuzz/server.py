# SPDX-License-Identifier: Apache-2.0
"""``magnum-api`` as it is installed, in gunicorn, over the world of the tests: run as a program.

``python -m tests.fuzz.server PORT DATABASE`` serves at 127.0.0.1 with one worker process of
:data:`THREADS` threads, and prints a line when it listens.
"""

import pathlib
import sys
import warnings
from typing import Any

import pytest
from oslo_config import cfg
from oslo_db import options as db_options

warnings.simplefilter("ignore", DeprecationWarning)

from magnum.api.versions import Application  # noqa: E402  # WebOb imports a deprecated module
from magnum.cmd import api  # noqa: E402
from magnum.conf import CONF  # noqa: E402
from tests.fuzz.world import Stage  # noqa: E402

THREADS = 4


class Server(api.Server):
    """The program's own server, with all its settings and another application in it."""

    def __init__(self, conf: cfg.ConfigOpts, path: pathlib.Path) -> None:
        self._path = path
        super().__init__(conf)

    def load_config(self) -> None:
        super().load_config()
        self.cfg.set("when_ready", _tell)

    def load(self) -> Application:
        return Stage(CONF, self._path, pytest.MonkeyPatch()).application


def _tell(_server: Any) -> None:
    sys.stdout.write("listening\n")
    sys.stdout.flush()


def main(port: int, path: pathlib.Path) -> None:
    """Serve until told to end."""
    CONF([], project="magnum", default_config_files=[], default_config_dirs=[])
    db_options.set_defaults(CONF, connection=f"sqlite:///{path}")
    for name, value in {"port": port, "workers": 1, "threads": THREADS}.items():
        CONF.set_override(name, value, group="api")
    Server(CONF, path).run()


if __name__ == "__main__":
    main(int(sys.argv[1]), pathlib.Path(sys.argv[2]))
