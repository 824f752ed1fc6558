# SPDX-License-Identifier: Apache-2.0
"""Run a conductor that is killed at a chosen place, as a power cut would.

``killer.py change:N PROGRAM ARGUMENT...`` kills the process right after the N-th call that changed
something outside, before it can record it; ``step:N`` right after the N-th record of a step;
``container:N`` right after an engine has made the N-th container, before that is recorded. Logins
change nothing and are not counted. It calls the same entry point as the program does.
"""

import importlib.metadata
import itertools
import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

from keystoneauth1 import session

from magnum.clients.docker.containers import ContainerVerbs
from magnum.conductor.leases import Held
from magnum.core.container import ContainerSpec

_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def _die_at(number: int) -> Callable[[], None]:
    """Return what ends the process when it is called for the number-th time."""
    calls = itertools.count(1)

    def count() -> None:
        if next(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return count


def _trap_changes(count: Callable[[], None]) -> None:
    """Count calls that changed something outside, when their answers have come."""
    request = session.Session.request

    def watched(self: session.Session, url: str, method: str, **options: Any) -> Any:
        answer = request(self, url, method, **options)
        if method in _CHANGING and not url.endswith("/auth/tokens"):
            count()
        return answer

    session.Session.request = watched  # type: ignore[assignment, method-assign]


def _trap_steps(count: Callable[[], None]) -> None:
    """Count steps, when they have been committed and before anything follows."""
    advance = Held.advance

    def watched(self: Held, step: str | None, progress: Mapping[str, Any]) -> None:
        is_new = step != self.claim.step
        advance(self, step, progress)
        if is_new:
            count()

    Held.advance = watched  # type: ignore[method-assign]


def _trap_containers(count: Callable[[], None]) -> None:
    """Count containers that were made, before anybody is told."""
    create = ContainerVerbs.create

    def watched(self: ContainerVerbs, spec: ContainerSpec) -> str:
        made = create(self, spec)
        count()
        return made

    ContainerVerbs.create = watched  # type: ignore[method-assign]


TRAPS = {"change": _trap_changes, "step": _trap_steps, "container": _trap_containers}


def main() -> int:
    """Lay the trap, then become the program."""
    kind, _, number = sys.argv[1].partition(":")
    program = sys.argv[2]
    TRAPS[kind](_die_at(int(number)))
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name=program)
    sys.argv = [program, *sys.argv[3:]]
    sys.path.pop(0)  # this script's folder is no place to import from
    return entry.load()() or 0


if __name__ == "__main__":
    sys.exit(main())
