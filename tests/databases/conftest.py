# SPDX-License-Identifier: Apache-2.0
"""The benches of the unit tests, with a real server below them."""

import gc
import pathlib
from collections.abc import Iterator

import pytest

from tests.unit.api.conftest import api, application, world
from tests.unit.conductor.conftest import bench
from tests.unit.conductor.test_service import start

__all__ = ["api", "application", "bench", "start", "world"]

_HERE = pathlib.Path(__file__).parent


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """Have left sockets collected while their warning is let pass, not in some later test.

    It is done when all else is over: an exception that was logged keeps its socket until then.
    """
    yield
    gc.collect()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let PyMySQL leave the socket of an attempt that was refused to the garbage collector."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed <:ResourceWarning"))
