# SPDX-License-Identifier: Apache-2.0
"""The ways the application is started; in processes of their own, as both read the options."""

import os
import pathlib
import subprocess
import sys

from magnum.cmd import api as command
from magnum.conf import CONF


def test_wsgi_module_has_an_application(tmp_path: pathlib.Path) -> None:
    script = "import magnum.wsgi; assert callable(magnum.wsgi.application)"
    environ = {**os.environ, "HOME": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_gunicorn_takes_every_setting() -> None:
    CONF([], project="magnum", default_config_files=[], default_config_dirs=[])
    server = command.Server(CONF)
    assert server.cfg.worker_class_str == "gthread"
    assert server.cfg.address == [("127.0.0.1", 9511)]
    assert server.cfg.workers == CONF.api.workers
    assert server.cfg.secure_scheme_headers == {}
    CONF.reset()
    CONF.clear()


def test_ipv6_address_is_put_in_brackets() -> None:
    CONF([], project="magnum", default_config_files=[], default_config_dirs=[])
    CONF.set_override("host", "::1", "api")
    assert command.settings(CONF)["bind"] == "[::1]:9511"
    CONF.reset()
    CONF.clear()
