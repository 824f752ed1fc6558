# SPDX-License-Identifier: Apache-2.0
"""Decide what has to be done with a node. Pure but for `act`, which does it."""

import enum
from typing import Protocol

from minicloud.real_nodes.servers import Server


class Action(enum.Enum):
    """What can be done with a node."""

    START = "start"
    PLUG = "plug"
    STOP = "stop"
    REMOVE = "remove"


class Node(Protocol):
    """What an action is done with."""

    def start(self, server: Server) -> None: ...

    def plug(self, server: Server) -> None: ...

    def stop(self) -> None: ...

    def remove(self) -> None: ...


def decide(
    server: Server | None, *, connected: bool, started: bool, runs: bool, plugged: bool
) -> Action | None:
    """Return what a node needs now; None when it is as it should be.

    A node that has switched itself off, or was killed, stays so: its server shows nothing of it,
    and who uses it has to notice.

    :param server: what Nova wants; None when it wants no such server.
    :param connected: whether its ports are known and have their links.
    :param started: whether this boot of it was begun.
    :param runs: whether it has processes.
    :param plugged: whether it has the disks that its server has.
    """
    if server is None:
        return Action.REMOVE
    if runs and not (server.on and started):
        return Action.STOP  # a reboot begins with this
    if server.on and connected and not started:
        return Action.START
    if runs and not plugged:
        return Action.PLUG
    return None


def act(action: Action, node: Node, server: Server | None) -> None:
    """Do it.

    :raises OSError: it did not work.
    """
    if action is Action.REMOVE:
        node.remove()
    elif action is Action.STOP:
        node.stop()
    elif server is None:
        return  # Nova has crossed it out since this was decided
    elif action is Action.PLUG:
        node.plug(server)
    else:
        node.start(server)
