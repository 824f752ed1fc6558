# SPDX-License-Identifier: Apache-2.0
"""Which workers go when a bay gets smaller.  Pure."""

from collections.abc import Mapping, Sequence

from magnum.conductor.swarm import SwarmNode
from magnum.core.cluster import Worker


def without_server(workers: Sequence[Worker], excess: int) -> list[Worker]:
    """Choose workers that never came to life; all that can be told without the swarm."""
    return [worker for worker in workers if worker.server_id is None][:excess]


def least_work(
    workers: Sequence[Worker],
    nodes: Sequence[SwarmNode],
    work: Mapping[str, int],
    excess: int,
) -> list[Worker]:
    """Choose the workers that will be missed least.

    First those without a server, then those that the swarm does not know or has lost, then by
    their tasks; of equals the last made, as Heat would.  A worker that somebody has made a
    manager goes only when no other is left: managers decide together.

    :param workers: in the order in which they were made.
    :param work: tasks by the id of the swarm's node.
    :param excess: how many have to go, at least 1.
    """
    by_name = {node.name: node for node in nodes}
    for node in nodes:  # a node that joined anew has left its former self behind
        if node.is_ready:
            by_name[node.name] = node

    def loss(place: int) -> tuple[int, int, int]:
        worker = workers[place]
        node = by_name.get(worker.name)
        if worker.server_id is None:
            return 0, 0, -place
        if node is None or (not node.is_manager and not node.is_ready):
            return 1, 0, -place
        return 3 if node.is_manager else 2, work.get(node.id, 0), -place

    places = sorted(range(len(workers)), key=loss)[:excess]
    return [workers[place] for place in sorted(places)]
