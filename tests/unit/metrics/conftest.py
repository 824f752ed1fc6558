# SPDX-License-Identifier: Apache-2.0
"""Metrics that are counted for one test alone."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import pytest_socket

from magnum.metrics import instruments


@pytest.fixture
def counting() -> Iterator[Callable[[str], Any]]:
    """Return what makes a program count; returns its registry."""
    yield instruments.enable
    instruments.disable()


@pytest.fixture
def loopback() -> None:
    """Allow sockets on this host."""
    pytest_socket.enable_socket()
    pytest_socket.socket_allow_hosts(["127.0.0.1", "::1", "localhost"])
