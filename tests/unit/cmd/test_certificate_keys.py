# SPDX-License-Identifier: Apache-2.0
"""The commands for the keys of certificates, as an operator runs them."""

import pathlib
import sys
from collections.abc import Callable, Iterator

import pytest
from oslo_config import cfg

from magnum.certs.database import DatabaseStore
from magnum.cmd import db_manage, options
from magnum.db.session import Database
from tests.unit.certs.shelves import BUNDLE

Command = Callable[..., int]


@pytest.fixture
def keys(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "certificates.keys"


@pytest.fixture
def command(
    conf: cfg.ConfigOpts,
    tmp_path: pathlib.Path,
    keys: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Command]:
    """Run magnum-db-manage with a configuration file; it does not set logging up."""
    config = tmp_path / "magnum.conf"

    def run(*words: str, store: str = "database") -> int:
        config.write_text(
            f"[certificates]\ncert_manager_type = {store}\nencryption_key_file = {keys}\n"
        )
        conf.clear()
        monkeypatch.setattr(sys, "argv", ["magnum-db-manage", "--config-file", str(config), *words])
        return db_manage.main()

    def parse(arguments: list[str], *_texts: str) -> cfg.ConfigOpts:
        conf(arguments, project="magnum")
        return conf

    monkeypatch.setattr(options, "parse", parse)
    yield run
    conf.clear()
    conf.unregister_opt(
        cfg.SubCommandOpt("command", title="Commands", handler=db_manage._add_commands)
    )


def test_key_is_made_added_promoted_and_rotated_to(
    command: Command,
    database: Database,
    conf: cfg.ConfigOpts,
    keys: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command("new-certificate-key") == 0
    first = keys.read_text()
    conf.set_override("encryption_key_file", str(keys), "certificates")
    ref, _ = DatabaseStore(conf, None, database).ensure("x", lambda: BUNDLE)
    assert command("new-certificate-key", "--standby") == 0
    assert keys.read_text().startswith(first)
    assert command("promote-certificate-key") == 0
    assert command("rotate-certificate-keys") == 0
    assert command("rotate-certificate-keys") == 0
    said = capsys.readouterr()
    assert f"Keys in {keys}: 2" in said.out
    assert "Encrypted anew: 1; under the newest key already: 0" in said.out
    assert said.out.endswith("Encrypted anew: 0; under the newest key already: 1\n")
    for key in keys.read_text().split():
        assert key not in said.out + said.err
    keys.write_text(keys.read_text().removesuffix(first))
    assert DatabaseStore(conf, None, database).load(ref) == BUNDLE


def test_what_no_key_opens_is_named_and_fails(
    command: Command,
    database: Database,
    conf: cfg.ConfigOpts,
    keys: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command("new-certificate-key")
    conf.set_override("encryption_key_file", str(keys), "certificates")
    DatabaseStore(conf, None, database).ensure("magnum-c1-ca", lambda: BUNDLE)
    keys.unlink()
    command("new-certificate-key")
    assert command("rotate-certificate-keys") == 1
    assert capsys.readouterr().err == "No key opens magnum-c1-ca\n"


@pytest.mark.parametrize(
    ("words", "store", "said"),
    [
        (["rotate-certificate-keys"], "barbican", "uses no keys of ours"),
        (["rotate-certificate-keys"], "elsewhere", "must be one of barbican, database"),
        (["rotate-certificate-keys"], "database", "make one by: magnum-db-manage new-cert"),
        (["promote-certificate-key"], "database", "make one by: magnum-db-manage new-cert"),
    ],
)
def test_what_cannot_be_done_ends_with_one_sentence(
    command: Command, words: list[str], store: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="1"):
        command(*words, store=store)
    assert said in capsys.readouterr().err


def test_silent_database_is_told_with_the_option_to_look_at(
    command: Command, conf: cfg.ConfigOpts, capsys: pytest.CaptureFixture[str]
) -> None:
    command("new-certificate-key")
    conf.set_override("connection", "sqlite:////nowhere/at/all.sqlite", "database")
    assert command("rotate-certificate-keys") == 1
    assert "Check [database] connection" in capsys.readouterr().err
