# SPDX-License-Identifier: Apache-2.0
"""The benches of the unit tests, with a real server below them."""

from tests.unit.api.conftest import api, world
from tests.unit.conductor.conftest import bench
from tests.unit.conductor.test_service import start

__all__ = ["api", "bench", "start", "world"]
