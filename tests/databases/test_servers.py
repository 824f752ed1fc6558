# SPDX-License-Identifier: Apache-2.0
"""Servers that run beside others, of this run of tests or of another."""

import pathlib
import tempfile
import uuid

import pytest

from tests.servers import Server


@pytest.mark.usefixtures("database")
@pytest.mark.kinds("mariadb-utf8mb4")
@pytest.mark.parametrize("suffix", [".frm", ".MAI", ".MAD"])
def test_a_start_leaves_the_temporary_tables_of_other_servers(server: Server, suffix: str) -> None:
    folder = pathlib.Path(tempfile.gettempdir())
    table = folder / f"#sql-temptable-{uuid.uuid4().hex}{suffix}"
    table.touch()
    try:
        server.stop()
        server.start()
        assert table.exists()
    finally:
        table.unlink(missing_ok=True)
