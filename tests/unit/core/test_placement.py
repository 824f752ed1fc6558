# SPDX-License-Identifier: Apache-2.0
"""Which engine a container goes to."""

import pytest

from magnum.core import errors
from magnum.core.placement import Engine, Load, choose

MIB = 2**20
GIB = 2**30


def engine(name: str, **more: object) -> Engine:
    return Engine(name, f"10.0.0.{name[-1]}", **{"capacity_bytes": GIB, **more})  # type: ignore[arg-type]


def chosen(*engines: Engine, memory: int = 0, loads: dict[str, Load] | None = None) -> str:
    return choose(engines, loads or {}, memory, "b1").node_id


def test_engine_with_fewest_running_containers_is_chosen() -> None:
    assert chosen(engine("w1", running=2), engine("w2", running=1)) == "w2"


def test_containers_that_do_not_run_yet_count_as_well() -> None:
    loads = {"w1": Load(0, idle=3), "w2": Load(0, idle=0)}
    assert chosen(engine("w1", running=0), engine("w2", running=2), loads=loads) == "w2"


def test_containers_that_were_started_since_engines_were_asked_count_as_well() -> None:
    loads = {"w1": Load(0, idle=0, placed=1)}
    assert chosen(engine("w1", running=0), engine("w2", running=0), loads=loads) == "w2"
    assert chosen(engine("w1", running=1), engine("w2", running=2), loads=loads) == "w1"


def test_engine_without_room_is_passed_over() -> None:
    loads = {"w1": Load(GIB - 10 * MIB)}
    assert chosen(engine("w1"), engine("w2", running=9), memory=11 * MIB, loads=loads) == "w2"
    assert chosen(engine("w1"), engine("w2", running=9), memory=10 * MIB, loads=loads) == "w1"


def test_manager_is_chosen_only_where_no_worker_will_do() -> None:
    manager, worker = engine("m1", is_manager=True), engine("w1", running=99)
    assert chosen(manager, worker) == "w1"
    assert chosen(manager, worker, memory=MIB, loads={"w1": Load(GIB)}) == "m1"


def test_container_that_asks_for_nothing_fits_a_full_engine() -> None:
    assert chosen(engine("w1"), loads={"w1": Load(2 * GIB)}) == "w1"


def test_refusal_says_what_lacks() -> None:
    with pytest.raises(errors.Invalid, match=r"^No node of bay b1 has 2048 MiB .* is 1024 MiB.$"):
        chosen(engine("w1"), engine("w2"), memory=2 * GIB, loads={"w1": Load(MIB)})
    with pytest.raises(errors.Invalid, match=r"^Bay b1 has no node that takes containers"):
        chosen()
