# SPDX-License-Identifier: Apache-2.0
"""Stacks in flight, looked at together: one call for all of a project, whatever their number.

A look is either at all the project's stacks or, every other time, at the resources of one of them
in turn, which is what events tell of.  So a project costs one call at a time and no thread while
nobody looks.

A project is watched by one conductor, see :func:`magnum.db.claims.watchers`.
"""

import itertools
import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from magnum.clients.errors import ServiceRefused
from magnum.conductor.cloud import Cloud
from magnum.conductor.leases import Held
from magnum.conductor.progress import Progress
from magnum.context import RequestContext, carried
from magnum.core import errors
from magnum.core.states import Action
from magnum.heat.stacks import Stack

LOG = logging.getLogger(__name__)

YOUNG_SECONDS = 120
"""For so long after it was taken up an operation is looked at as often as configured."""

BEGIN_SECONDS = 30
"""Within so long Heat has to begin what it was asked for, or it is asked again."""

GROWTH = 1.5


class _Watched:
    """An operation whose stack is watched."""

    def __init__(self, cloud: Cloud, held: Held, stack_id: str) -> None:
        self.held = held
        self.stack_id = stack_id
        self.since = time.monotonic()
        self.progress = Progress(cloud, held.claim, stack_id)

    @property
    def age(self) -> float:
        return time.monotonic() - self.since

    def has_settled(self, stack: Stack | None) -> bool:
        """Tell whether Heat has ended what it was asked for, or lost it."""
        if stack is None:
            return True
        if stack.status.endswith("_IN_PROGRESS"):
            # Heat may say yes to a deletion that meets another change, and drop it.
            deletes = self.held.claim.action is Action.DELETE
            return deletes and stack.status != "DELETE_IN_PROGRESS" and self.age > BEGIN_SECONDS
        moment = [stack.status, stack.updated_at.isoformat() if stack.updated_at else None]
        return self.held.claim.progress.get("before") != moment or self.age > BEGIN_SECONDS


class _Project:
    """The watched operations of one project."""

    def __init__(self, interval: float) -> None:
        self.watched: dict[str, _Watched] = {}
        self.interval = interval
        self.due = 0.0
        self.looking = False
        self.turns = itertools.count()


class Watch:
    """All watched operations of this process; safe for threads.

    :param on_settled: told of a stack that has settled (None when it is gone), and for which
        operation.
    :param on_expired: told of one that is past its deadline and still in progress.
    :param on_trouble: told of one whose project refuses us.
    """

    def __init__(
        self,
        cloud: Cloud,
        on_settled: Callable[[Stack | None, Held], None],
        on_expired: Callable[[Held], None],
        on_trouble: Callable[[Held], None],
    ) -> None:
        self._cloud = cloud
        self._on_settled = on_settled
        self._on_expired = on_expired
        self._on_trouble = on_trouble
        self._projects: dict[str, _Project] = {}
        self._lock = threading.Lock()

    def add(self, held: Held, stack_id: str) -> None:
        """Watch the stack of an operation from now on."""
        with self._lock:
            project = self._projects.setdefault(held.claim.project_id, _Project(self._shortest))
            project.watched[held.claim.uuid] = _Watched(self._cloud, held, stack_id)
            project.interval = self._shortest
            project.due = min(project.due, time.monotonic() + self._shortest)

    def due(self) -> list[str]:
        """Return the projects to be looked at now; each until :meth:`look` has been called."""
        now = time.monotonic()
        with self._lock:
            due = [
                project_id
                for project_id, project in self._projects.items()
                if not project.looking and project.due <= now
            ]
            for project_id in due:
                self._projects[project_id].looking = True
        return due

    def projects(self) -> list[str]:
        """Return the projects whose stacks are watched."""
        with self._lock:
            return list(self._projects)

    def pop(self, is_chosen: Callable[[Held], bool]) -> list[Held]:
        """Stop watching some operations, and return them."""
        with self._lock:
            chosen = [
                watched.held
                for project in self._projects.values()
                for watched in project.watched.values()
                if is_chosen(watched.held)
            ]
            for held in chosen:
                del self._projects[held.claim.project_id].watched[held.claim.uuid]
        return chosen

    def look(self, project_id: str) -> None:
        """Look at one project's stacks once, under a request id of its own; never raises."""
        with carried(RequestContext):
            self._look(project_id)

    def _look(self, project_id: str) -> None:
        with self._lock:
            project = self._projects.get(project_id)
            watched = list(project.watched.values()) if project else []
        if project is None:
            return
        changed = False
        try:
            turn = next(project.turns)
            if turn % 2 and watched:
                one = watched[turn // 2 % len(watched)]
                with carried(one.held.context):
                    changed = one.progress.look()
            else:
                changed = self._look_at_all(project_id, watched)
        except ServiceRefused as error:
            LOG.warning("Project %s refuses to show its stacks: %s", project_id, error)
            self._cloud.doubt(project_id)
            self._pass_on(project_id, watched, self._on_trouble)
        except errors.MagnumError as error:
            LOG.warning("The stacks of project %s are not seen: %s", project_id, error)
            self._pass_on_expired(project_id, watched)
        except Exception:  # one project must not keep the others from being looked at
            LOG.exception("The stacks of project %s are not seen", project_id)
            self._pass_on_expired(project_id, watched)
        self._schedule(project_id, project, changed)

    def _look_at_all(self, project_id: str, watched: list[_Watched]) -> bool:
        """Ask Heat once for all stacks and pass on what is over."""
        ids = [one.stack_id for one in watched]
        stacks = self._cloud.stacks(project_id).status_of(ids)
        settled = False
        for one in watched:
            stack = stacks.get(one.stack_id)
            if one.has_settled(stack):
                settled = True
                self._pass_on(project_id, [one], partial(self._on_settled, stack))
            elif one.held.expired:
                self._pass_on(project_id, [one], self._on_expired)
        return settled

    def _pass_on_expired(self, project_id: str, watched: list[_Watched]) -> None:
        """End what is past its deadline though nobody sees its stack: Heat may be away for long."""
        expired = [one for one in watched if one.held.expired]
        self._pass_on(project_id, expired, self._on_expired)

    def _pass_on(
        self, project_id: str, watched: list[_Watched], to: Callable[[Held], None]
    ) -> None:
        for one in watched:
            with self._lock:
                project = self._projects.get(project_id)
                watched_now = project.watched if project else {}
                # Not what this process has taken up again meanwhile, after a lease ran out.
                mine = watched_now.get(one.held.claim.uuid) is one
                if mine:
                    del watched_now[one.held.claim.uuid]
            if mine:
                to(one.held)

    def _schedule(self, project_id: str, project: _Project, changed: bool) -> None:
        with self._lock:
            if not project.watched:
                if self._projects.get(project_id) is project:
                    del self._projects[project_id]
                return
            young = min(one.age for one in project.watched.values()) < YOUNG_SECONDS
            if changed or young:
                project.interval = self._shortest
            else:
                longest = float(self._cloud.conf.conductor.watch_interval_max)
                project.interval = min(project.interval * GROWTH, longest)
            project.due = time.monotonic() + project.interval
            project.looking = False

    @property
    def _shortest(self) -> float:
        return float(self._cloud.conf.conductor.watch_interval)
