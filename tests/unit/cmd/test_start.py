# SPDX-License-Identifier: Apache-2.0
"""What an operator reads when a program cannot start."""

import pathlib
import re
import warnings
from collections.abc import Callable

import pytest
from oslo_config import cfg

with warnings.catch_warnings():
    # WebOb imports the deprecated module cgi, oslo.messaging its own eventletutils.
    warnings.simplefilter("ignore", DeprecationWarning)
    import magnum.api.app  # noqa: F401 -- the program would, and be warned
    from magnum.cmd import api, conductor

from magnum.cmd import options


def start_conductor(_conf: cfg.ConfigOpts) -> None:
    conductor.main()


def start_worker_of_the_api(conf: cfg.ConfigOpts) -> None:
    api.Server(conf).load()


@pytest.mark.parametrize("start", [start_conductor, start_worker_of_the_api])
@pytest.mark.parametrize(
    ("store", "said"),
    [
        ("castellan", r"cert_manager_type is castellan but must be one of barbican, database, "),
        ("database", r"There is no .*/keys with the key of certificates; make one by: "),
    ],
)
def test_store_that_cannot_work_ends_the_program_with_a_sentence(
    start: Callable[[cfg.ConfigOpts], None],
    store: str,
    said: str,
    conf: cfg.ConfigOpts,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    conf.set_override("cert_manager_type", store, "certificates")
    conf.set_override("encryption_key_file", "/nowhere/keys", "certificates")
    monkeypatch.setattr(options, "parse", lambda _arguments, *_texts: conf)
    with pytest.raises(SystemExit) as ended:
        start(conf)
    assert ended.value.code not in (0, None)
    assert re.search(said, capsys.readouterr().err)


def test_half_a_trustee_domain_ends_the_conductor_with_a_sentence(
    conf: cfg.ConfigOpts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    conf.set_override("trustee_domain_name", "magnum", "trust")
    monkeypatch.setattr(options, "parse", lambda *_arguments: conf)
    with pytest.raises(SystemExit) as ended:
        conductor.main()
    assert ended.value.code not in (0, None)
    said = capsys.readouterr().err
    assert said.startswith("[trust] has trustee_domain_name but lacks trustee_domain_admin_id or ")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("policy.json", '["x"]', "policy.json must be a table of rules"),
        ("api-paste.ini", "[app:main]\nuse = egg:magnum#old\n", "api-paste.ini cannot be used"),
    ],
)
def test_a_file_beside_the_configuration_that_cannot_work_ends_the_api_with_a_sentence(
    name: str,
    text: str,
    said: str,
    conf: cfg.ConfigOpts,
    keys: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".magnum").mkdir()
    (tmp_path / ".magnum" / name).write_text(text)
    conf.set_override("cert_manager_type", "database", "certificates")
    with pytest.raises(SystemExit) as ended:
        start_worker_of_the_api(conf)
    assert ended.value.code not in (0, None)
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--config-file", "/nowhere/magnum.conf"], "find some config files: /nowhere/magnum.conf"),
        (["--config-file", "{bad}"], "{bad}:1, Invalid section"),
        (["--config-file", "{good}", "--log-config-append", "/nowhere"], "/nowhere"),
    ],
)
def test_configuration_that_cannot_be_read_ends_the_program_with_a_sentence(
    words: list[str],
    said: str,
    conf: cfg.ConfigOpts,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "good").write_text("[api]\nport = 9511\n")
    (tmp_path / "bad").write_text("[hunter2\n")
    names = {"good": tmp_path / "good", "bad": tmp_path / "bad"}
    conf.clear()
    with pytest.raises(SystemExit, match="7"):
        options.parse([word.format(**names) for word in words], status=7)
    told = capsys.readouterr().err
    assert told.startswith("The configuration cannot be used: ")
    assert said.format(**names) in told
    assert "hunter2" not in told
