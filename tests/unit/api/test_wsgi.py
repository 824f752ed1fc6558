# SPDX-License-Identifier: Apache-2.0
"""The ways the application is started; in processes of their own, as both read the options."""

import os
import pathlib
import subprocess
import sys

import pytest
from oslo_config import cfg

from magnum.cmd import api as command, options
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


def test_tls_is_done_with_the_files_that_are_named(
    conf: cfg.ConfigOpts, tmp_path: pathlib.Path
) -> None:
    files = {name: tmp_path / name for name in ("ssl_cert_file", "ssl_key_file")}
    for name, path in files.items():
        path.touch()
        conf.set_override(name, str(path), "api")
    assert not command.Server(conf).cfg.is_ssl
    conf.set_override("enabled_ssl", True, "api")
    server = command.Server(conf)
    assert (server.cfg.certfile, server.cfg.keyfile) == tuple(map(str, files.values()))


@pytest.mark.parametrize("path", [None, "/nowhere/key.pem"])
def test_tls_without_a_file_ends_the_api_with_a_sentence(
    conf: cfg.ConfigOpts,
    path: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    conf.set_override("enabled_ssl", True, "api")
    conf.set_override("ssl_cert_file", __file__, "api")
    conf.set_override("ssl_key_file", path, "api")
    monkeypatch.setattr(options, "parse", lambda *_arguments: conf)
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 1
    said = "".join(capsys.readouterr())
    assert "[api] enabled_ssl needs ssl_key_file to be a file" in said
    assert "Traceback" not in said
