# SPDX-License-Identifier: Apache-2.0
"""What the benchmark of containers makes of its numbers."""

from benchmarks import containers


def test_medians_are_compared_with_the_aim() -> None:
    numbers = {
        "creations": {"plain": [1.0, 9.0, 2.0], "service": [3.0, 2.0, 99.0]},
        "lists": {"plain": [1.0], "service": [1.6]},
    }
    assert containers.rows(numbers) == [
        ["create and start 50", 2.0, 3.0, 1.5, "met"],
        ["list of 500", 1.0, 1.6, 1.6, "missed"],
    ]
