# SPDX-License-Identifier: Apache-2.0
"""Which engine of a cluster a new container goes to; pure.

The managers of a swarm place services, not plain containers, so it is done here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from magnum.core import errors


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that takes containers: its node is up and not drained.

    :ivar node_id: its id in the swarm, the same as long as the node is.
    :ivar address: where it is reached.
    :ivar capacity_bytes: memory that containers may have in all.
    :ivar running: containers that run there now, whoever made them.
    """

    node_id: str
    address: str
    capacity_bytes: int
    running: int = 0
    is_manager: bool = False


@dataclass(frozen=True, slots=True)
class Load:
    """What our table says of an engine.

    :ivar reserved_bytes: memory of all containers placed there.
    :ivar idle: how many of them do not run.
    :ivar placed: how many there are.
    """

    reserved_bytes: int = 0
    idle: int = 0
    placed: int = 0


NO_LOAD = Load()


def choose(
    engines: Iterable[Engine], loads: Mapping[str, Load], memory_bytes: int, bay: str
) -> Engine:
    """Choose the engine with the fewest containers of those with enough memory left.

    A manager is chosen only where no worker will do.  Containers that do not run yet count as well,
    or all that are made before the first is started would meet on one engine; so do those that were
    started since the engines were asked.

    :param loads: by node id.
    :param memory_bytes: what the container may use, 0 where it says nothing.
    :param bay: its name, for errors.
    :raises Invalid: there is none.
    """
    known = list(engines)
    if not known:
        raise errors.Invalid(f"Bay {errors.first_sentence(bay)} has no node that takes containers.")
    left = {each.node_id: _left(each, loads) for each in known}
    fitting = [each for each in known if left[each.node_id] >= memory_bytes]
    if not fitting:
        most = max(0, *left.values())
        raise errors.Invalid(
            f"No node of bay {errors.first_sentence(bay)} has {_shown(memory_bytes)} of memory "
            f"left, the most that one has is {_shown(most)}."
        )

    def rank(engine: Engine) -> tuple[bool, int, str]:
        load = loads.get(engine.node_id, NO_LOAD)
        return engine.is_manager, max(engine.running + load.idle, load.placed), engine.node_id

    return min(fitting, key=rank)


def _left(engine: Engine, loads: Mapping[str, Load]) -> int:
    # Never negative: a container that asks for nothing fits wherever there is an engine.
    reserved = loads.get(engine.node_id, NO_LOAD).reserved_bytes
    return max(0, engine.capacity_bytes - reserved)


def _shown(amount: int) -> str:
    return f"{amount // 2**20} MiB"
