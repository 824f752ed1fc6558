# SPDX-License-Identifier: Apache-2.0
"""Carries one operation on: its steps in order, and what becomes of it when one fails.

Knows nothing of threads.  Every pass begins from the table, so it makes no difference whether the
one before it ended well, in an error, or with the process.
"""

import logging
import random
from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto
from typing import Any

from sqlalchemy.orm import Session

from magnum.clients.errors import LoginRefused, Missing, NotPermitted
from magnum.conductor import aftermath, lifecycle, patience, steps
from magnum.conductor.answer import Pause, Waiting
from magnum.conductor.cloud import Cloud
from magnum.conductor.leases import Held, Leases
from magnum.conductor.run import OperationFailed, Run
from magnum.conductor.surprise import surprise
from magnum.context import carried
from magnum.core import errors, states
from magnum.core.states import Action, Outcome
from magnum.db import claims, operations, repository
from magnum.db.claims import Claim
from magnum.db.models import Cluster
from magnum.db.notifications import Result
from magnum.heat import status as heat_status
from magnum.heat.stacks import Stack
from magnum.metrics import instruments

LOG = logging.getLogger(__name__)

UNSPEAKABLE = "The reason cannot be stored, the service's log tells it."


class Verdict(Enum):
    """What has become of an operation after a pass."""

    WAITING = auto()  # its stack is to be watched
    OVER = auto()  # finished, given back, or lost; not ours any more


class Runner:
    """Runs passes over operations; safe for threads, one pass of an operation at a time."""

    def __init__(self, cloud: Cloud, leases: Leases) -> None:
        self._cloud = cloud
        self._leases = leases

    def begin(self, held: Held) -> Verdict:
        """Take an operation up where the table says it is."""
        return self._guarded(held, self._proceed)

    def resume(self, stack: Stack | None, held: Held) -> Verdict:
        """Go on with an operation whose stack was seen to settle, or to be gone."""

        def proceed(run: Run) -> Verdict:
            run.observed, run.looked = stack, True
            return self._proceed(run)

        return self._guarded(held, proceed)

    def expire(self, held: Held) -> Verdict:
        """End an operation that is not done at its deadline."""

        def fail(run: Run) -> Verdict:
            raise OperationFailed(_not_in_time(run))

        return self._guarded(held, fail)

    def give_back(self, held: Held) -> Verdict:
        """Let another conductor go on at once, as when this one is stopped."""
        with carried(held.context):
            self._give_back(held, 0.0, None)
        return Verdict.OVER

    def _guarded(self, held: Held, act: Callable[[Run], Verdict]) -> Verdict:
        """Run a pass, all of it under the id of the request that asked for it."""
        with carried(held.context):
            return self._caught(held, act)

    def _caught(self, held: Held, act: Callable[[Run], Verdict]) -> Verdict:
        """Turn whatever a pass raises into what becomes of the operation."""
        run: Run | None = None
        try:
            run = self._prepare(held)
            return act(run)
        except errors.LeaseLost:
            self._let_go(held)
        except OperationFailed as failure:
            self._end(held, run, failure.message)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it ends this pass only
            self._trouble(held, run, error)
        return Verdict.OVER

    def _prepare(self, held: Held) -> Run:
        claim = held.claim
        held.ensure()
        cluster = self._cloud.database.read(
            lambda session: repository.by_uuid(session, Cluster, claim.cluster_id)
        )
        if cluster is None:  # its deletion was finished by who had the lease before
            raise errors.LeaseLost(f"Cluster {claim.cluster_id} is gone.")
        return Run(self._cloud, held, cluster, held.ensure)

    def _proceed(self, run: Run) -> Verdict:
        held = run.held
        finished_in_time = run.looked  # what is left to do then is ours and short
        steps.enter_project(run)
        for step in lifecycle.remaining(run.action, held.claim.step):
            if held.expired and not finished_in_time:
                raise OperationFailed(_not_in_time(run))
            if self._leases.closing:
                self._give_back(held, 0.0, None)
                return Verdict.OVER
            held.ensure()
            outcome = step.act(run)
            if isinstance(outcome, Pause):
                self._record(run, held.claim.step, None)
                self._give_back(held, outcome.seconds, None)
                return Verdict.OVER
            if outcome is Waiting.WAITING:
                self._record(run, held.claim.step, None, waiting=True)
                held.stack_id = run.cluster.stack_id
                return Verdict.WAITING
            run.looked = False
            if step is lifecycle.LIFECYCLES[run.action][-1]:
                self._finish(run, step.text)
            else:
                self._record(run, step.name, step.text)
        return Verdict.OVER

    def _record(
        self, run: Run, step: str | None, text: str | None, *, waiting: bool = False
    ) -> None:
        """Write that a step is done, or with the step before it what a waiting one left."""
        claim = run.held.claim
        told = _told(run, step or "begin", text)

        def write(session: Session) -> None:
            operations.record_step(
                session, claim, step, run.progress, run.changes, run.addresses, waiting=waiting
            )
            repository.add_events(session, claim.cluster_id, claim.uuid, told)

        self._cloud.database.write(write)
        run.held.advance(step, run.progress)
        run.changes, run.addresses, run.said = {}, {}, []

    def _finish(self, run: Run, text: str | None) -> None:
        claim = run.held.claim
        told = _told(run, "end", text)

        def write(session: Session) -> None:
            repository.add_events(session, claim.cluster_id, claim.uuid, told)
            if claim.action is Action.DELETE:
                self._cloud.notices.tell(session, claim, Result.SUCCESS)
                operations.finish_delete(session, claim)
            else:
                # A bay that was taken back goes on saying why.
                changes = {**run.changes, "faults": None}
                operations.finish(session, claim, Outcome.COMPLETE, claim.cause, changes)
                self._cloud.notices.tell(session, claim, Result.SUCCESS)

        self._cloud.database.write(write)
        self._leases.drop(run.held)
        instruments.FINISHED.inc(claim.action, Outcome.COMPLETE)
        LOG.info("%s of bay %s is complete", claim.action, claim.cluster_id)

    def _end(self, held: Held, run: Run | None, reason: str) -> None:
        """End an operation as failed."""
        claim = held.claim
        LOG.warning("%s of bay %s has failed: %s", claim.action, claim.cluster_id, reason)
        try:
            if run is None:
                self._write_end(claim, "end", reason, {})
            else:
                if aftermath.is_due(run):
                    self._record(run, claim.step, None)  # proves that it is still ours
                    aftermath.tidy_up(run)
                changes = {**run.changes, "faults": run.faults}
                self._write_end(claim, run.blamed, reason, changes, _told(run, "end", None))
        except errors.LeaseLost:
            self._let_go(held)
        except errors.Unavailable as error:
            # The lease runs out, and whoever takes the operation up comes to the same end.
            LOG.warning("The end of operation %s is not written yet: %s", claim.uuid, error)
        except Exception:  # the database cannot hold the words, or what a step has left
            LOG.exception("The end of operation %s is written without its reason", claim.uuid)
            self._write_end(claim, "end", UNSPEAKABLE, {})
        self._leases.drop(held)

    def _write_end(
        self,
        claim: Claim,
        blamed: str,
        reason: str,
        changes: Mapping[str, Any],
        told: Sequence[tuple[str, str, str]] = (),
    ) -> None:
        shown = f"{reason} The failure before it: {claim.cause}" if claim.cause else reason
        seconds = 60.0 * self._cloud.conf.cluster_heat.update_timeout
        notices = self._cloud.notices

        def write(session: Session) -> None:
            failed = ("ERROR", blamed, reason)
            repository.add_events(session, claim.cluster_id, claim.uuid, [*told, failed])
            if not claim.goes_back:
                operations.finish(session, claim, Outcome.FAILED, shown, changes)
                notices.tell(session, claim, Result.FAILURE)
                return
            clean = {**changes, "faults": None}
            back = operations.roll_back(session, claim, reason, clean, seconds)
            begun = ("INFO", "request", f"Goes back to {back.change['wanted']['node_count']} nodes")
            repository.add_events(session, claim.cluster_id, back.uuid, [begun])
            notices.tell(session, claim, Result.FAILURE)
            notices.tell(session, back, Result.PENDING)

        self._cloud.database.write(write)
        instruments.FINISHED.inc(claim.action, Outcome.FAILED)

    def _trouble(self, held: Held, run: Run | None, error: Exception) -> None:
        """Decide between another try and the end."""
        claim = held.claim
        if isinstance(error, errors.MagnumError):
            LOG.warning("Operation %s after step %s: %s", claim.uuid, claim.step, error)
            reason = error.message
        else:
            LOG.error("Operation %s after step %s", claim.uuid, claim.step, exc_info=error)
            reason = surprise(error).message
        if isinstance(error, LoginRefused | NotPermitted | Missing):
            self._cloud.doubt(claim.project_id)
        if held.expired:
            self._end(held, run, f"{_time_is_up(claim.action)}.{_last_trouble(reason)}")
        elif patience.may_pass(error, claim):
            self._try_again(held, reason, patience.counted(error, claim))
        else:
            self._end(held, run, reason)

    def _try_again(self, held: Held, reason: str, progress: Mapping[str, Any]) -> None:
        longest = float(self._cloud.conf.conductor.retry_interval_max)
        delay = min(longest, 2.0 ** min(held.claim.attempts, 10))
        # Not all at the same moment: what was down has just come back.
        delay *= random.uniform(0.5, 1.0)  # noqa: S311 -- no secret
        self._give_back(held, delay, reason, progress)

    def _give_back(
        self,
        held: Held,
        delay: float,
        trouble: str | None,
        progress: Mapping[str, Any] | None = None,
    ) -> None:
        try:
            self._release(held, delay, trouble, progress)
        except errors.LeaseLost:
            self._let_go(held)
        except errors.Unavailable as error:
            LOG.info("Operation %s is left to its lease's end: %s", held.claim.uuid, error)
            self._leases.drop(held)

    def _release(
        self, held: Held, delay: float, trouble: str | None, progress: Mapping[str, Any] | None
    ) -> None:
        claim = held.claim

        def write(session: Session) -> None:
            if progress is not None:
                claims.change(session, claim, progress=progress)
            claims.release(session, claim, delay, trouble)
            if trouble and claim.attempts == 0:
                told = [("WARNING", claim.step or "begin", f"{trouble} Trying again.")]
                repository.add_events(session, claim.cluster_id, claim.uuid, told)

        self._cloud.database.write(write)
        self._leases.drop(held)

    def _let_go(self, held: Held) -> None:
        LOG.info("Operation %s is in other hands now", held.claim.uuid)
        self._leases.drop(held)
        try:
            self._cloud.database.write(lambda session: claims.let_go(session, held.claim))
        except errors.Unavailable as error:
            LOG.info("Its lease runs out by itself: %s", error)


def _told(run: Run, source: str, text: str | None) -> list[tuple[str, str, str]]:
    """Return the events of a step: what it has said, and that it is done."""
    said = [(severity, about or source, words) for severity, about, words in run.said]
    return [*said, ("INFO", source, text)] if text else said


def _time_is_up(action: states.Action) -> str:
    return f"The {action.lower()} was not done in the time it had"


def _last_trouble(reason: str) -> str:
    return f" The last trouble was: {reason}"


def _not_in_time(run: Run) -> str:
    """Say what kept an operation that ran out of time, or what it was still waiting for."""
    text = f"{_time_is_up(run.action)}, {run.timeout_minutes} minutes"
    done, trouble = run.held.claim.step, run.held.claim.trouble
    if trouble:
        return f"{text}.{_last_trouble(trouble)}"
    if run.cluster.stack_id is None or done is None:
        return f"{text}. The last step done was: {done or 'none'}."
    try:
        resources = run.stacks.resources(run.cluster.stack_id)
    except errors.MagnumError as error:
        return f"{text}. {error}"
    run.faults = heat_status.faults(resources)
    busy = [each.path for each in resources if each.status.endswith("_IN_PROGRESS")]
    leaves = [path for path in busy if not any(other.startswith(f"{path}/") for other in busy)]
    waited_for = ", ".join(_located(run, path) for path in sorted(leaves)[:5])
    return f"{text}, still waiting for {waited_for or 'nothing that Heat knows of'}."


def _located(run: Run, path: str) -> str:
    """Name a resource, and the node that it belongs to."""
    node = run.driver.node_name(run.spec, path)
    return f"{path} (node {node})" if node else path
