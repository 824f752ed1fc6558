# SPDX-License-Identifier: Apache-2.0
import threading

import pytest

from magnum.metrics.patience import Patience


def test_work_that_hangs_is_begun_once_and_its_end_serves_all() -> None:
    begun, go_on = [], threading.Event()

    def work() -> int:
        begun.append(1)
        go_on.wait(20)
        return 7

    patience = Patience("hanging", work)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            patience.begin().result(0.01)
    waited_for = patience.begin()
    assert len(begun) == 1
    go_on.set()
    assert waited_for.result(20) == 7
    assert patience.begin().result(20) == 7
    assert len(begun) == 2


def test_what_it_raises_is_raised() -> None:
    def work() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        Patience("failing", work).begin().result(20)
