# SPDX-License-Identifier: Apache-2.0
"""Accepting what is wanted of containers, and showing how they are."""

from collections.abc import Callable
from typing import Any

import pytest
from oslo_config import cfg
from sqlalchemy import update
from sqlalchemy.orm import Session

from magnum.context import RequestContext
from magnum.core import errors
from magnum.core.placement import Engine
from magnum.db.models import Cluster, Container
from magnum.db.pages import Page
from magnum.db.session import Database
from magnum.rpc.calls import ContainerCalls
from magnum.service.containers import Containers
from tests import factories
from tests.fakes.engines import EngineRoom
from tests.unit.service.conftest import caller

MIB = 2**20


class Yard:
    """Containers on one complete bay."""

    def __init__(self, conf: cfg.ConfigOpts, database: Database) -> None:
        self.database = database
        self.room = EngineRoom(database)
        self.containers = Containers(conf, database, ContainerCalls(conf, self.room))
        self.context: RequestContext = caller()
        self.bay = self.add_bay()

    def add_bay(self, coe: str = "swarm", status: str = "CREATE_COMPLETE") -> Cluster:
        template = factories.template(coe=coe)
        row = factories.cluster(template, status=status)

        def write(session: Session) -> None:
            session.add(template)
            session.flush()
            session.add(row)

        self.database.write(write)
        return self.containers.bay(self.context, row.uuid)

    def create(self, **values: Any) -> Container:
        return self.containers.create(self.context, self.bay, {"image": "busybox", **values})

    def get(self, ident: str) -> Container:
        return self.containers.get(self.context, ident)

    def listed(self, **page: Any) -> list[str]:
        rows = self.containers.page(self.context, Page(limit=99, **page))
        return [row.status for row in rows]


@pytest.fixture
def yard(conf: cfg.ConfigOpts, database: Database) -> Yard:
    return Yard(conf, database)


def test_container_is_made_stopped_with_its_memory_reserved(yard: Yard) -> None:
    made = yard.create(name="c1", memory="64m", command="sleep 9", environment={"A": "b"})
    assert (made.status, made.host, made.memory_bytes) == ("Stopped", "10.0.0.2", 64 * MIB)
    assert made.docker_id
    assert (made.project_id, made.user_id) == (factories.PROJECT, factories.USER)
    assert yard.room.calls == ["container_engines", "container_create"]


def test_bay_of_another_coe_takes_none(yard: Yard) -> None:
    yard.bay = yard.add_bay(coe="kubernetes")
    with pytest.raises(errors.Invalid, match="is of coe kubernetes but containers need"):
        yard.create()
    assert yard.room.calls == []


def test_bay_that_is_not_complete_is_not_asked(yard: Yard) -> None:
    yard.bay = yard.add_bay(status="CREATE_IN_PROGRESS")
    with pytest.raises(errors.WrongStatus):
        yard.create()
    assert yard.room.calls == []


def test_bay_that_goes_meanwhile_takes_none(yard: Yard, database: Database) -> None:
    going = update(Cluster).values(status="DELETE_IN_PROGRESS")

    def go(_method: str) -> None:
        database.write(lambda session: session.execute(going))

    yard.room.before = go
    with pytest.raises(errors.WrongStatus, match="DELETE_IN_PROGRESS"):
        yard.create()
    assert yard.listed() == []


def test_bay_of_another_project_is_none(yard: Yard, stranger: RequestContext) -> None:
    with pytest.raises(errors.ReferencedMissing, match="there is no such bay"):
        yard.containers.bay(stranger, yard.bay.uuid)


def test_what_docker_would_refuse_is_refused_before_anybody_is_asked(yard: Yard) -> None:
    for wrong in (
        {"image": "A b"},
        {"memory": "1k"},
        {"command": "echo '"},
        {"environment": {"": "x"}},
    ):
        with pytest.raises(errors.InvalidField):
            yard.create(**wrong)
    assert yard.room.calls == []


def test_container_without_room_leaves_nothing(yard: Yard) -> None:
    for _ in range(2):
        yard.create(memory="256m")
    assert yard.create(memory="512m").host == "10.0.0.1"  # the manager, as no worker has room
    with pytest.raises(errors.Invalid, match=r"No node of bay .* has 6 MiB of memory left"):
        yard.create(memory="6m")
    assert yard.listed() == ["Stopped"] * 3


def test_failure_of_an_engine_is_told_and_kept(yard: Yard) -> None:
    yard.room.failure = errors.Told(502, "The engine at 10.0.0.2 failed: no space left.")
    with pytest.raises(errors.Told, match="no space left") as caught:
        yard.create(name="c1")
    assert caught.value.code == 502
    kept = yard.containers.look(yard.get("c1"))
    assert (kept.status, kept.status_reason) == (
        "Error",
        "The engine at 10.0.0.2 failed: no space left.",
    )


def test_nobody_waits_for_an_image_for_ever(yard: Yard) -> None:
    yard.room.slow = True
    assert yard.create(name="c1").status == "Unknown"
    assert yard.containers.look(yard.get("c1")).status_reason == "It is being created."
    assert "container_show" not in yard.room.calls
    yard.room.pull()
    assert yard.containers.look(yard.get("c1")).status == "Stopped"


def failing(*methods: str) -> Callable[[str], None]:
    """Have the bus fail at some calls."""

    def fail(method: str) -> None:
        if method in methods:
            raise TimeoutError

    return fail


def test_bus_that_is_away_after_the_row_was_written_makes_no_error(yard: Yard) -> None:
    yard.room.before = failing("container_create")
    made = yard.create(name="c1")
    assert (made.uuid, made.status) == (yard.get("c1").uuid, "Unknown")


def test_state_that_docker_changed_is_seen_and_kept(yard: Yard) -> None:
    uuid = yard.create(name="c1").uuid
    yard.room.boxes[uuid].state = "paused"
    assert yard.containers.look(yard.get("c1")).status == "Paused"
    assert yard.get("c1").status == "Paused"
    del yard.room.boxes[uuid]
    assert yard.listed() == ["Error"]
    assert yard.get("c1").status_reason == "Its engine has no such container."


def test_list_takes_one_call_and_goes_on_without_an_engine(yard: Yard) -> None:
    for _ in range(4):
        yard.create()
    yard.room.calls.clear()
    yard.room.silent = {"node-2"}
    assert yard.listed() == ["Unknown", "Stopped", "Unknown", "Stopped"]
    assert yard.room.calls == ["container_list"]


@pytest.mark.parametrize("key", ["status", "status_reason"])
def test_pages_sorted_by_state_hold_every_row_once_whatever_is_seen(yard: Yard, key: str) -> None:
    made = [yard.create().uuid for _ in range(4)]
    for box in yard.room.boxes.values():
        box.state = "running"  # which is before Stopped
    yard.room.silent = {"node-2"}
    found: list[str] = []
    states: list[str] = []
    marker = None
    while rows := yard.containers.page(yard.context, Page(limit=1, marker=marker, sort_key=key)):
        marker = rows[0].uuid
        found.append(marker)
        states.append(rows[0].status)
        yard.room.boxes[marker].state = "paused"
    assert found == made
    assert states == ["Unknown", "Running"] * 2
    assert {yard.get(uuid).status for uuid in made} == {"Stopped"}


def test_list_goes_on_without_a_conductor(yard: Yard) -> None:
    yard.create()
    yard.room.before = failing("container_list")
    (row,) = yard.containers.page(yard.context, Page(limit=9))
    assert row.status == "Unknown"
    assert row.status_reason is not None
    assert row.status_reason.startswith("Its engine was not asked: The bay's engines were not")


def test_list_of_what_is_not_made_asks_nobody(yard: Yard) -> None:
    yard.room.slow = True
    yard.create()
    yard.room.calls.clear()
    assert yard.listed() == ["Unknown"]
    assert yard.room.calls == []


@pytest.mark.parametrize("verb", ["start", "stop", "pause", "logs", "exec"])
def test_nothing_is_done_to_what_is_not_made(yard: Yard, verb: str) -> None:
    yard.room.slow = True
    row = yard.create(name="c1")
    with pytest.raises(errors.Conflict, match="Container c1 is not made: It is being created"):
        yard.containers.perform(row, verb, "ls" if verb == "exec" else None)


def test_command_without_a_word_is_refused(yard: Yard) -> None:
    row = yard.create()
    with pytest.raises(errors.InvalidField, match="have at least one word"):
        yard.containers.perform(row, "exec", "  ")


def test_container_that_went_meanwhile_is_deleted_all_the_same(yard: Yard) -> None:
    row = yard.create()
    for _ in range(2):
        yard.containers.delete(yard.context, row)
    assert yard.listed() == []


def test_running_container_is_not_deleted(yard: Yard) -> None:
    row = yard.create()
    yard.containers.perform(row, "start")
    with pytest.raises(errors.Told, match="cannot remove a running container") as caught:
        yard.containers.delete(yard.context, row)
    assert caught.value.code == 409


def change(yard: Yard, **values: Any) -> Callable[[str], Container]:
    return lambda ident: yard.containers.update(yard.get(ident), values)


def test_change_is_stored_and_docker_learns_of_nothing(yard: Yard) -> None:
    yard.create(name="c1")
    yard.room.calls.clear()
    changed = change(yard, name="c2", memory="128m")("c1")
    assert (changed.name, changed.memory, changed.memory_bytes) == ("c2", "128m", 0)
    assert yard.get("c2").updated_at is not None
    assert yard.room.calls == []


def test_change_to_what_another_one_has_is_refused(yard: Yard) -> None:
    yard.create(name="c1")
    yard.create(name="c2")
    with pytest.raises(errors.Conflict):
        change(yard, name="c1")("c2")
    with pytest.raises(errors.InvalidField):
        change(yard, memory="1k")("c2")
    assert change(yard, name="c2")("c2").name == "c2"


def test_change_computed_from_what_is_no_more_is_refused(yard: Yard) -> None:
    yard.create(name="c1", environment={"A": "1"})
    early, late = yard.get("c1"), yard.get("c1")
    yard.containers.update(early, {"environment": {"A": "1", "B": "2"}})
    with pytest.raises(errors.Conflict, match=r"^Container c1 was changed meanwhile, try again"):
        yard.containers.update(late, {"environment": {"A": "1", "C": "3"}})
    yard.containers.update(late, {"image": "cirros"})  # which nobody else has changed
    kept = yard.get("c1")
    assert (kept.environment, kept.image) == ({"A": "1", "B": "2"}, "cirros")


def test_state_that_is_seen_meanwhile_is_in_no_ones_way(yard: Yard) -> None:
    read = yard.get(yard.create(name=None).uuid)
    yard.room.boxes[read.uuid].state = "running"
    assert yard.listed() == ["Running"]
    assert yard.containers.update(read, {"environment": {"A": "1"}}).status == "Running"


def test_no_node_is_told_apart_from_no_room(yard: Yard) -> None:
    yard.room.engines = []
    with pytest.raises(errors.Invalid, match="has no node that takes containers"):
        yard.create()
    yard.room.engines = [Engine("n", "10.0.0.9", 0)]
    assert yard.create().host == "10.0.0.9"
