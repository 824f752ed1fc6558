# SPDX-License-Identifier: Apache-2.0
import pathlib
from collections.abc import Callable

import pytest

from tests.devstack.stack import DevStack

AGES = ("2015", "today")
New = Callable[..., DevStack]


@pytest.fixture(params=AGES)
def age(request: pytest.FixtureRequest) -> str:
    """Each age of DevStack in turn."""
    return str(request.param)


@pytest.fixture
def new(age: str, tmp_path: pathlib.Path) -> New:
    """A machine with DevStack of that age, and what local.conf sets there."""
    return lambda **local: DevStack(tmp_path, [age], **local)


@pytest.fixture
def today(tmp_path: pathlib.Path) -> New:
    """The same with DevStack of today alone."""
    return lambda **local: DevStack(tmp_path, ["today"], **local)


@pytest.fixture
def in_2015(tmp_path: pathlib.Path) -> New:
    """The same with DevStack of 2015 alone."""
    return lambda **local: DevStack(tmp_path, ["2015"], **local)
