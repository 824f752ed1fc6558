# SPDX-License-Identifier: Apache-2.0
import pytest

from tests.fakes.openstack import FakeOpenStack


@pytest.fixture
def cloud() -> FakeOpenStack:
    return FakeOpenStack()
