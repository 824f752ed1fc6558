# SPDX-License-Identifier: Apache-2.0
"""``magnum-db-manage`` on each database, as an operator runs it."""

import pathlib
import subprocess
import sys

import pytest
from sqlalchemy import inspect

from magnum.db import models
from magnum.db.session import Database
from tests.servers import Server
from tests.unit.db.test_migrations import NEWEST


class Command:
    """Runs it with a configuration that names the test's database."""

    def __init__(self, config: pathlib.Path) -> None:
        self._config = config

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "magnum.cmd.db_manage", f"--config-file={self._config}", *words],
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def db_manage(tmp_path: pathlib.Path, database_url: str) -> Command:
    config = tmp_path / "magnum.conf"
    config.write_text(f"[database]\nconnection = {database_url}\n")
    return Command(config)


def test_upgrade_from_nothing_and_again(
    server: Server, empty_database: Database, db_manage: Command
) -> None:
    assert db_manage("version").stdout.endswith("Current DB revision is None\n")
    for _ in range(2):
        done = db_manage("upgrade")
        assert done.returncode == 0, done.stderr
    assert db_manage("version").stdout.endswith(f"Current DB revision is {NEWEST}\n")
    tables = set(inspect(empty_database.engine).get_table_names())
    assert tables == {*models.Base.metadata.tables, "alembic_version"}


def test_database_that_is_away_is_told_without_a_traceback(
    server: Server, empty_database: Database, db_manage: Command
) -> None:
    server.stop()
    done = db_manage("upgrade")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("The database does not answer")
    assert "Traceback" not in done.stdout + done.stderr
