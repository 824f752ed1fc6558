# SPDX-License-Identifier: Apache-2.0
"""Looking at stacks in flight: few calls, and every end is noticed."""

import datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from magnum.clients.errors import NotPermitted
from magnum.conductor import watch as watch_module
from magnum.conductor.leases import Held
from magnum.conductor.runner import Verdict
from magnum.conductor.watch import Watch
from magnum.core import errors
from magnum.core.states import Action
from magnum.db import repository
from magnum.heat.stacks import Stack, StackResource
from tests import factories
from tests.unit.conductor.conftest import Bench

NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)


class Desk:
    """A watch, and what it has passed on."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.settled: list[tuple[str, str | None]] = []
        self.expired: list[str] = []
        self.troubled: list[str] = []
        self.watch = Watch(
            bench.cloud,
            self._on_settled,
            lambda held: self.expired.append(held.claim.uuid),
            lambda held: self.troubled.append(held.claim.uuid),
        )

    def _on_settled(self, stack: Stack | None, held: Held) -> None:
        self.settled.append((held.claim.uuid, stack.status if stack else None))

    def put(self, count: int = 1, **values: Any) -> list[Held]:
        """Have so many clusters being created and watched."""
        for _ in range(count):
            factories.add_cluster(self.bench.database, Action.CREATE, **values)
        taken = self.bench.leases.claim(count)
        for held in taken:
            assert self.bench.runner.begin(held) is Verdict.WAITING
            assert held.stack_id
            self.watch.add(held, held.stack_id)
        self.bench.fakes.calls.clear()
        return taken

    def begin_unheard(self, held: Held, before: Stack, patch: pytest.MonkeyPatch) -> None:
        """Begin what Heat says yes to and does not begin: that counts as its end after a while.

        :param before: the stack, as Heat goes on to show it.
        """
        self.bench.runner.begin(held)
        self.bench.fakes.heat.stacks[before.id] = before
        self.watch.add(held, before.id)
        self.look(2)
        assert self.settled == []
        patch.setattr(watch_module, "BEGIN_SECONDS", -1)
        self.look()
        assert self.settled == [(held.claim.uuid, before.status)]

    def show(self, held: Held, status: str, reason: str = "") -> None:
        """Have Heat show one resource of an operation's stack."""
        assert held.stack_id
        server = StackResource("server", "server", "OS::Nova::Server", status, reason, "", NOON)
        self.bench.fakes.heat.resources_of[held.stack_id] = [server]

    def look(self, times: int = 1) -> None:
        """Look at all projects, without waiting for them to be due."""
        for _ in range(times):
            for project_id in list(self.watch._projects):
                self.watch.look(project_id)


@pytest.fixture
def desk(bench: Bench) -> Desk:
    return Desk(bench)


def test_all_stacks_of_a_project_cost_one_call_a_look(desk: Desk) -> None:
    desk.put(3)
    desk.look()
    assert desk.bench.fakes.calls == ["list stacks"]
    desk.look()
    assert desk.bench.fakes.calls == ["list stacks", "resources"]


def test_settled_stack_is_passed_on_once(desk: Desk) -> None:
    (held,) = desk.put()
    desk.bench.fakes.heat.settle()
    desk.look(4)
    assert desk.settled == [(held.claim.uuid, "CREATE_COMPLETE")]
    assert desk.bench.fakes.calls == ["list stacks"]  # and then nobody looks any more


def test_what_was_taken_up_again_during_a_look_stays_watched(desk: Desk) -> None:
    (former,) = desk.put()
    desk.bench.fakes.heat.settle()
    heat = desk.bench.cloud.stacks
    desk.bench.expire_leases()
    (held,) = desk.bench.leases.claim(1)
    assert former.stack_id

    def while_another_pass_begins(project_id: str) -> Any:
        desk.watch.add(held, former.stack_id or "")
        return heat(project_id)

    desk.bench.cloud.stacks = while_another_pass_begins
    desk.look()
    assert desk.settled == []
    desk.bench.cloud.stacks = heat
    desk.look(2)
    assert [uuid for uuid, _ in desk.settled] == [held.claim.uuid]


def test_stack_that_is_gone_is_passed_on(desk: Desk) -> None:
    (held,) = desk.put()
    desk.bench.fakes.heat.stacks.clear()
    desk.look()
    assert desk.settled == [(held.claim.uuid, None)]


def test_update_that_heat_has_not_begun_is_not_taken_for_its_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = factories.add_cluster(desk.bench.database, Action.CREATE)
    desk.bench.work()
    desk.bench.database.write(lambda session: factories.add_operation(session, row, Action.UPDATE))
    (held,) = desk.bench.leases.claim(1)
    (before,) = desk.bench.fakes.heat.living()
    desk.begin_unheard(held, before, monkeypatch)


def test_deletion_that_heat_has_dropped_is_asked_for_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = factories.add_cluster(desk.bench.database, Action.CREATE)
    (creating,) = desk.bench.leases.claim(1)
    desk.bench.runner.begin(creating)
    (before,) = desk.bench.fakes.heat.living()
    desk.bench.database.write(lambda session: factories.add_operation(session, row, Action.DELETE))
    desk.bench.expire_leases()
    (held,) = desk.bench.leases.claim(1)
    desk.begin_unheard(held, before, monkeypatch)
    assert desk.bench.runner.resume(before, held) is Verdict.WAITING
    assert desk.bench.fakes.calls.count("delete stack") == 2


def test_deadline_is_passed_on(desk: Desk) -> None:
    (held,) = desk.put()
    held._deadline = 0.0
    desk.look()
    assert desk.expired == [held.claim.uuid]


def test_end_just_before_the_deadline_counts(desk: Desk) -> None:
    (held,) = desk.put()
    desk.bench.fakes.heat.settle()
    held._deadline = 0.0
    desk.look()
    assert (desk.expired, len(desk.settled)) == ([], 1)


def test_heat_being_away_changes_nothing(desk: Desk) -> None:
    (held,) = desk.put()
    desk.bench.fakes.refuse("list stacks", errors.Unavailable("Heat"), RuntimeError("odd"))
    desk.look(3)
    assert (desk.settled, desk.expired, desk.troubled) == ([], [], [])
    desk.bench.fakes.heat.settle()
    desk.look(2)
    assert [uuid for uuid, _ in desk.settled] == [held.claim.uuid]


@pytest.mark.parametrize("trouble", [errors.Unavailable("Heat"), RuntimeError("odd")])
def test_deadline_is_passed_on_though_heat_is_away(desk: Desk, trouble: Exception) -> None:
    late, in_time = desk.put(2)
    late._deadline = 0.0
    desk.bench.fakes.refuse("list stacks", trouble)
    desk.look()
    assert desk.expired == [late.claim.uuid]
    assert [*desk.watch._projects[in_time.claim.project_id].watched] == [in_time.claim.uuid]


def test_project_that_refuses_us_is_passed_on(desk: Desk) -> None:
    (held,) = desk.put()
    desk.bench.fakes.refuse("list stacks", NotPermitted("Heat", 403, "no"))
    desk.look()
    assert desk.troubled == [held.claim.uuid]


def test_project_that_refuses_us_is_entered_anew(desk: Desk) -> None:
    (held,) = desk.put()
    keystone = desk.bench.fakes.keystone
    keystone.granted.clear()  # by another conductor, which saw the project's last cluster go
    desk.bench.fakes.refuse("list stacks", NotPermitted("Heat", 403, "no"))
    desk.look()
    assert desk.bench.runner.begin(held) is Verdict.WAITING
    assert keystone.granted == {held.claim.project_id}


def test_superseded_operation_is_not_watched_any_more(desk: Desk) -> None:
    first, second = desk.put(2)
    first.superseded = True
    assert desk.watch.pop(lambda held: held.superseded) == [first]
    assert desk.watch.pop(lambda held: held.superseded) == []
    desk.bench.fakes.heat.settle()
    desk.look()
    assert [uuid for uuid, _ in desk.settled] == [second.claim.uuid]


def test_interval_stays_short_for_the_young_and_grows_for_the_old(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (held,) = desk.put()
    project = desk.watch._projects[held.claim.project_id]
    desk.look(4)
    assert project.interval == desk.bench.conf.conductor.watch_interval
    monkeypatch.setattr(watch_module, "YOUNG_SECONDS", 0)
    desk.look(20)
    assert project.interval == desk.bench.conf.conductor.watch_interval_max


def test_resources_are_told_once_also_after_a_take_over(desk: Desk) -> None:
    (held,) = desk.put()
    assert held.stack_id
    made = [
        ("server", "OS::Nova::Server", "CREATE_COMPLETE"),
        ("ready", "OS::Heat::WaitCondition", "CREATE_IN_PROGRESS"),
        ("workers", "node.yaml", "CREATE_COMPLETE"),
    ]
    desk.bench.fakes.heat.resources_of[held.stack_id] = [
        StackResource(name, name, kind, status, "", "", NOON) for name, kind, status in made
    ]
    desk.look(4)
    told = [(event.resource, event.text) for event in desk.bench.events()]
    assert told.count(("server", "OS::Nova::Server CREATE_COMPLETE")) == 1
    assert [text for resource, text in told if resource == "ready"] == [
        "OS::Heat::WaitCondition CREATE_IN_PROGRESS: waiting for the node to signal"
    ]
    assert not [text for resource, text in told if resource == "workers"]
    other = Desk(desk.bench)
    other.watch.add(held, held.stack_id)
    other.look(4)
    assert [(event.resource, event.text) for event in desk.bench.events()] == told


def test_words_of_heat_are_told_without_secrets(desk: Desk) -> None:
    (held,) = desk.put()
    words = "Get https://me:word@registry/v2?key=word password=word\nfailed"
    desk.show(held, "CREATE_FAILED", words)
    desk.look(2)
    told = desk.bench.events()[-1]
    assert (told.severity, told.resource) == ("ERROR", "server")
    assert "word@" not in told.text
    assert "=word" not in told.text
    assert told.text.startswith("OS::Nova::Server CREATE_FAILED: Get https://registry/v2 ")


def test_words_that_the_database_cannot_store_keep_nothing_else_from_being_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (held,) = desk.put()
    store = repository.add_events

    def narrow(
        session: Session, cluster: str, operation: str, told: list[tuple[str, str, str]]
    ) -> None:
        if not all(text.isascii() for *_, text in told):
            raise errors.Invalid("text has a character that the database cannot store.")
        store(session, cluster, operation, told)

    monkeypatch.setattr(repository, "add_events", narrow)
    desk.show(held, "CREATE_FAILED", "No valid host \N{PENSIVE FACE}")
    desk.look(4)
    told = [event.text for event in desk.bench.events() if event.resource == "server"]
    assert told == ["OS::Nova::Server CREATE_FAILED"]
    desk.show(held, "CREATE_COMPLETE")
    desk.look(2)
    assert desk.bench.events()[-1].text == "OS::Nova::Server CREATE_COMPLETE"


@pytest.mark.parametrize("looks_before", [0, 2], ids=["first look", "later look"])
def test_what_the_database_could_not_take_is_told_the_next_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, looks_before: int
) -> None:
    (held,) = desk.put()

    def away(_work: object) -> None:
        raise errors.Unavailable("The database")

    desk.look(looks_before)
    desk.show(held, "CREATE_COMPLETE")
    with monkeypatch.context() as patch:
        patch.setattr(desk.bench.database, "write", away)
        desk.look(2)
    desk.look(4)
    told = [event.text for event in desk.bench.events() if event.resource == "server"]
    assert told == ["OS::Nova::Server CREATE_COMPLETE"]
