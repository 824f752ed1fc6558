# SPDX-License-Identifier: Apache-2.0
import configparser
import os
import pathlib
import subprocess

from demo import kept
from deployment import client, configuration

_TABLE = """\
WARNING: something
+----------+-------+
| Property | Value |
+----------+-------+
| uuid     | 5f1e  |
| labels   | {}    |
+----------+-------+
"""


def test_table_of_properties_is_read() -> None:
    assert client.table(_TABLE) == {"uuid": "5f1e", "labels": "{}"}


def test_table_of_rows_is_read() -> None:
    assert client.rows(_TABLE)[0] == {"Property": "uuid", "Value": "5f1e"}


def test_configuration_keeps_percent_signs_and_later_layers_win() -> None:
    text = configuration.render(
        {"DEFAULT": {"host": "a", "url": "50%25"}}, {"DEFAULT": {"host": "b"}, "api": {"port": "1"}}
    )
    read = configparser.RawConfigParser(default_section="")
    read.read_string(text)
    assert dict(read["DEFAULT"]) == {"host": "b", "url": "50%25"}
    assert dict(read["api"]) == {"port": "1"}


def test_what_was_kept_is_stopped_and_nothing_else(tmp_path: pathlib.Path) -> None:
    record = tmp_path / "kept.json"
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    kept.record(record, [child.pid])
    text = record.read_text()
    assert kept.stop(record) == [child.pid]
    assert child.wait() < 0
    record.write_text(text.replace(str(child.pid), str(os.getpid())))
    assert kept.stop(record) == []
    assert not record.exists()
