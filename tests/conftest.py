# SPDX-License-Identifier: Apache-2.0
"""Rules for all tests: no network where no network belongs; a database for who wants one."""

import os
import pathlib

import pytest
import pytest_socket
from sqlalchemy import make_url

pytest_plugins = ["tests.tables"]

_HERE = pathlib.Path(__file__).parent
_OFFLINE = tuple(_HERE / folder for folder in ("unit", "contract", "devstack", "drivers"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse sockets, save those of the Unix domain, in the tests that run in one process.

    They may reach the database that ``MAGNUM_TEST_DATABASE`` names.
    """
    if not any(item.path.is_relative_to(folder) for folder in _OFFLINE):
        return
    server = make_url(os.environ.get("MAGNUM_TEST_DATABASE") or "sqlite://").host
    if server:
        pytest_socket.socket_allow_hosts([server], allow_unix_socket=True)
    else:
        pytest_socket.disable_socket(allow_unix_socket=True)


def pytest_runtest_teardown() -> None:
    """Undo it, for the tests that may."""
    pytest_socket.enable_socket()
