# SPDX-License-Identifier: Apache-2.0
"""Makes one container that is in the table, or takes it away where that was cancelled.

Nothing is ever made twice: an engine refuses a second container of a name, and ours always have
one; and whoever takes a creation up after somebody else looks for what that one has made.
"""

import logging
from collections.abc import Iterable, Mapping

from sqlalchemy.orm import Session

from magnum.clients.docker.engine import Engine
from magnum.clients.docker.errors import (
    EngineConflict,
    EngineDistrusted,
    EngineError,
    EngineFailed,
    ImageMissing,
)
from magnum.conductor.cloud import Cloud
from magnum.conductor.containers.located import NOT_FOUND_THERE, Located
from magnum.conductor.containers.pulls import Later, Pulls
from magnum.conductor.engines import engine_at
from magnum.conductor.holding import Holding
from magnum.conductor.patience import SURPRISES_BELIEVED_AFTER
from magnum.conductor.surprise import surprise
from magnum.core import errors
from magnum.core.container import ContainerSpec
from magnum.core.placement import Engine as Place
from magnum.db import containers, creations, repository
from magnum.db.creations import Creation
from magnum.db.models import Cluster, Container
from magnum.db.specs import container_spec

LOG = logging.getLogger(__name__)

FAILURES_BELIEVED_AFTER = 2
"""How often an engine's own failure is tried again: its registry may be away for a moment."""

LONGEST_PAUSE_SECONDS = 30.0
LATER_SECONDS = 1.0

Ended = tuple[bool, errors.MagnumError | None]
"""Whether a creation is over, and why nothing has come of it."""

_GOES_ON: Ended = (False, None)
_WELL: Ended = (True, None)


class Held(Holding[Creation]):
    """One creation in this process's hands.

    :ivar cancelled: whether it is to be taken away, as far as is known here.
    """

    def __init__(self, claim: Creation, lease_until: float) -> None:
        super().__init__(claim, lease_until)
        self.cancelled = claim.cancelled

    def renewed(self, until: float, ours: Mapping[str, bool]) -> None:
        """Learn what came of a renewal, and whether it was cancelled."""
        super().renewed(until, ours)
        self.cancelled = self.cancelled or ours.get(self.claim.uuid, False)


class Maker:
    """Makes containers; safe for threads, one pass of a creation at a time."""

    def __init__(self, cloud: Cloud, located: Located) -> None:
        self._cloud = cloud
        self._located = located
        self._pulls = Pulls(cloud.conf.docker.pulls)

    def make(self, held: Held) -> Ended:
        """Carry one creation on; never raises."""
        try:
            return self._pass(held)
        except errors.LeaseLost as error:
            LOG.info("%s", error)
        except errors.Unavailable as error:
            LOG.warning("A creation is left to its lease's end: %s", error)
        except Exception:  # a thread keeps to itself what it raises
            LOG.exception("A creation is left to its lease's end")
        return _GOES_ON

    def _pass(self, held: Held) -> Ended:
        row, cluster = self._rows(held)
        if held.cancelled:
            return self._take_away(held, row, cluster)
        try:
            docker_id = self._made(held, row, cluster)
        except errors.LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever it is, it ends this pass only
            return self._not_made(held, row, cluster, error)
        if self._cloud.database.write(
            lambda session: creations.made(session, held.claim, docker_id)
        ):
            LOG.info("Container %s is made", row.uuid)
            return _WELL
        return self._take_away(held, row, cluster)

    def _rows(self, held: Held) -> tuple[Container, Cluster]:
        """Load what is wanted.

        :raises LeaseLost: the container, or its bay, has gone meanwhile.
        """
        creation = held.claim

        def read(session: Session) -> tuple[Container | None, Cluster | None]:
            return (
                repository.by_uuid(session, Container, creation.container_id),
                repository.by_uuid(session, Cluster, creation.cluster_id),
            )

        row, cluster = self._cloud.database.read(read)
        if row is None or cluster is None:
            raise errors.LeaseLost(f"Container {creation.container_id} is gone.")
        return row, cluster

    def _made(self, held: Held, row: Container, cluster: Cluster) -> str:
        """Have the container on its engine and return docker's id."""
        if held.expired:
            last = errors.first_sentence(row.status_reason or "")
            raise errors.Unanswered(f"It was not made in the time it had, the last was: {last}.")
        spec = container_spec(row)
        engine = engine_at(self._cloud, cluster, row.host or "")
        held.ensure()
        if held.claim.fence > 1 and (found := engine.find(row.uuid)):
            return found.docker_id
        try:
            return _create(engine, spec)
        except ImageMissing:
            text = f"Pulls image {spec.image.reference}."
            self._cloud.database.write(lambda session: creations.say(session, held.claim, text))
        self._pulls.pull(engine, spec.image, max(1.0, held.seconds_left))
        held.ensure()
        return _create(engine, spec)

    def _not_made(self, held: Held, row: Container, cluster: Cluster, error: Exception) -> Ended:
        if isinstance(error, Later):
            return self._release(held, LATER_SECONDS, "")
        if isinstance(error, NOT_FOUND_THERE):
            return self._unanswered(held, row, cluster, error)
        return self._trouble(held, row, cluster, _as_told(row, error))

    def _trouble(
        self, held: Held, row: Container, cluster: Cluster, error: errors.MagnumError
    ) -> Ended:
        """Decide between another try and the end."""
        attempts = held.claim.attempts
        passing = isinstance(error, EngineFailed) and attempts < FAILURES_BELIEVED_AFTER
        unforeseen = type(error) is errors.MagnumError and attempts < SURPRISES_BELIEVED_AFTER
        if not held.expired and (passing or unforeseen or isinstance(error, errors.Unavailable)):
            return self._try_again(held, error)
        LOG.warning("Container %s is not made: %s", row.uuid, error)

        def write(session: Session) -> bool:
            if not creations.failed(session, held.claim, error.message):
                return False
            containers.tell(session, row, "ERROR", error.message)
            return True

        if self._cloud.database.write(write):
            return True, error
        return self._take_away(held, row, cluster)

    def _unanswered(
        self, held: Held, row: Container, cluster: Cluster, error: EngineError
    ) -> Ended:
        """Try again, elsewhere if the node has gone for good."""
        if held.expired:
            return self._trouble(held, row, cluster, error)
        if not self._located.is_gone(cluster, row.host, row.host_id):
            if isinstance(error, EngineDistrusted):  # time does not heal that
                return self._trouble(held, row, cluster, error)
            return self._try_again(held, error)
        try:
            engines = self._located.survey(cluster).engines
            self._cloud.database.write(lambda session: _place(session, row, engines))
        except EngineError as silent:
            return self._try_again(held, silent)
        except errors.Invalid as nowhere:
            return self._trouble(held, row, cluster, nowhere)
        return self._release(held, 0.0, "")

    def _take_away(self, held: Held, row: Container, cluster: Cluster) -> Ended:
        """Leave nothing of a container that is not wanted any more, as far as there is time."""
        try:
            held.ensure()
            engine = engine_at(self._cloud, cluster, row.host or "")
            if found := engine.find(row.uuid):
                engine.remove(found.docker_id, force=True)
        except errors.LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever it is, it ends this pass only
            told = _as_told(row, error)
            if not held.expired and not self._located.is_gone(cluster, row.host, row.host_id):
                return self._try_again(held, told)
            LOG.warning("Container %s may be left on its engine: %s", row.uuid, told)
        self._cloud.database.write(lambda session: creations.gone(session, held.claim))
        return _WELL

    def _try_again(self, held: Held, error: errors.MagnumError) -> Ended:
        pause = min(LONGEST_PAUSE_SECONDS, 2.0**held.claim.attempts)
        return self._release(held, pause, error.message)

    def _release(self, held: Held, seconds: float, trouble: str) -> Ended:
        self._cloud.database.write(
            lambda session: creations.release(session, held.claim, seconds, trouble)
        )
        return _GOES_ON


def _as_told(row: Container, error: Exception) -> errors.MagnumError:
    """Return an error as its user is told of it; of what nobody foresaw the log has the rest."""
    if isinstance(error, errors.MagnumError):
        return error
    LOG.error("Container %s has met what nobody foresaw", row.uuid, exc_info=error)
    return surprise(error)


def _create(engine: Engine, spec: ContainerSpec) -> str:
    """Make a container, or find that it is there already.

    :raises EngineConflict: another one has its name.
    """
    try:
        return engine.create(spec)
    except EngineConflict:
        found = engine.inspect(spec.docker_name)
        if found.uuid != spec.uuid:
            raise
        return found.docker_id


def _place(session: Session, row: Container, engines: Iterable[Place]) -> None:
    """Put a container that is still to be made on another engine."""
    repository.lock(session, Cluster, row.cluster_id)  # before anything of it is seen
    mine = repository.by_uuid(session, Container, row.uuid)
    if mine is not None:
        containers.reserve(session, mine, engines)
