# SPDX-License-Identifier: Apache-2.0
"""What becomes of an operation when something goes wrong."""

import datetime
from typing import Any

from oslo_db import exception as db_exception
from sqlalchemy import event

from magnum.clients.errors import Clash, Missing, NotPermitted, Rejected
from magnum.clients.neutron import Port
from magnum.conductor.patience import REFUSALS_BELIEVED_AFTER, SURPRISES_BELIEVED_AFTER
from magnum.conductor.runner import UNSPEAKABLE, Verdict
from magnum.core import errors
from magnum.core.states import Action
from magnum.db.models import Cluster
from magnum.heat.stacks import StackResource
from tests import factories
from tests.unit.conductor.conftest import Bench

NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)


def resource(path: str, kind: str, status: str, reason: str = "", at: str = "x") -> StackResource:
    return StackResource(path.rpartition("/")[2], path, kind, status, reason, at, NOON)


def created(bench: Bench) -> Cluster:
    row = factories.add_cluster(bench.database, Action.CREATE)
    bench.work()
    return row


def ask(bench: Bench, row: Cluster, action: Action, timeout_seconds: float = 600.0) -> None:
    bench.database.write(
        lambda session: factories.add_operation(session, row, action, timeout_seconds)
    )


def test_finished_create_shows_the_addresses_of_the_stack(bench: Bench) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    (held,) = bench.leases.claim(1)
    assert bench.runner.begin(held) is Verdict.WAITING
    (stack,) = bench.fakes.heat.living()
    bench.fakes.heat.outputs_of[stack.id] = {
        "api_address": "198.18.0.7",
        "master_addresses": ["198.18.0.7"],
        "master_private_addresses": ["10.0.0.4"],
        "node_addresses": ["198.18.0.8"],
        "node_private_addresses": ["10.0.0.5"],
    }
    bench.fakes.heat.settle()
    bench.runner.resume(bench.fakes.heat.stacks[stack.id], held)
    seen = bench.read(row.uuid)
    assert seen is not None
    assert (seen.status, seen.api_address) == ("CREATE_COMPLETE", "https://198.18.0.7:2376")
    assert seen.master_addresses == ["198.18.0.7"]
    assert seen.node_addresses == ["198.18.0.8"]


def test_failed_stack_gives_its_deepest_reason(bench: Bench) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    (held,) = bench.leases.claim(1)
    bench.runner.begin(held)
    (stack,) = bench.fakes.heat.living()
    bench.fakes.heat.resources_of[stack.id] = [
        resource("workers", "OS::Heat::ResourceGroup", "CREATE_FAILED", "resources.workers: no"),
        resource("workers/0/server", "OS::Nova::Server", "CREATE_FAILED", "Quota exceeded"),
    ]
    bench.fakes.heat.settle("FAILED", "Resource CREATE failed")
    bench.runner.resume(bench.fakes.heat.stacks[stack.id], held)
    seen = bench.read(row.uuid)
    assert seen is not None
    assert seen.status == "CREATE_FAILED"
    assert "workers/0/server" in (seen.status_reason or "")
    assert "Quota exceeded" in (seen.status_reason or "")
    assert seen.faults == {"workers/0/server": "Quota exceeded"}
    told = bench.events()[-1]
    assert (told.severity, told.resource) == ("ERROR", "workers/0/server")
    assert told.text == seen.status_reason


def test_service_that_is_away_is_waited_for(bench: Bench) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    bench.fakes.refuse("store", *[errors.Unavailable("Barbican")] * 10)
    bench.work()
    seen = bench.read(row.uuid)
    assert seen is not None
    assert seen.status == "CREATE_COMPLETE"
    assert any("Barbican does not answer" in event.text for event in bench.events())


def test_trouble_that_has_passed_is_no_reason(bench: Bench) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    bench.fakes.refuse("store", errors.Unavailable("Barbican"))
    (held,) = bench.leases.claim(1)
    bench.runner.begin(held)
    bench.skip_pauses()
    (held,) = bench.leases.claim(1)
    assert bench.runner.begin(held) is Verdict.WAITING
    bench.runner.expire(held)
    seen = bench.read(row.uuid)
    assert seen is not None
    assert seen.status == "CREATE_FAILED"
    assert "Barbican" not in (seen.status_reason or "")


def test_pause_before_another_try_grows_and_is_bounded(bench: Bench) -> None:
    factories.add_cluster(bench.database, Action.CREATE)
    bench.fakes.refuse("store", *[errors.Unavailable("Barbican")] * 20)
    pauses = []
    for _ in range(8):
        (held,) = bench.leases.claim(1)
        bench.runner.begin(held)
        (operation,) = bench.operations()
        pauses.append(operation.not_before - (operation.deadline - held.claim.seconds_left))
        bench.skip_pauses()
    assert pauses[0] < 1.5
    assert pauses[4] > 2 * pauses[0]
    assert max(pauses) <= bench.conf.conductor.retry_interval_max + 1


def test_words_of_heat_become_the_reason(bench: Bench) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    bench.fakes.refuse("create stack", Rejected("Heat", 400, "The image (x) is too small."))
    bench.work()
    seen = bench.read(row.uuid)
    assert seen is not None
    assert seen.status == "CREATE_FAILED"
    assert "The image (x) is too small" in (seen.status_reason or "")


def test_refusal_is_believed_only_after_some_tries_with_roles_granted_anew(bench: Bench) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    refusals = [NotPermitted("Heat", 403, "no")] * (REFUSALS_BELIEVED_AFTER)
    bench.fakes.refuse("find stack", *refusals)
    bench.work()
    seen = bench.read(row.uuid)
    assert seen is not None
    assert seen.status == "CREATE_COMPLETE"
    assert bench.fakes.calls.count("grant") == REFUSALS_BELIEVED_AFTER + 1


def test_surprise_ends_in_failed_without_its_words(bench: Bench) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    bench.fakes.refuse("store", *[RuntimeError("secret")] * (SURPRISES_BELIEVED_AFTER + 1))
    bench.work()
    seen = bench.read(row.uuid)
    assert seen is not None
    assert seen.status == "CREATE_FAILED"
    assert "RuntimeError" in (seen.status_reason or "")
    assert "secret" not in (seen.status_reason or "")


def test_surprise_while_waiting_is_believed_too(bench: Bench) -> None:
    row = created(bench)
    ask(bench, row, Action.DELETE)
    bench.fakes.refuse("resources", *[RuntimeError("odd")] * 20)
    bench.work("FAILED")
    seen = bench.read(row.uuid)
    assert seen is not None
    assert seen.status == "DELETE_FAILED"
    assert "RuntimeError" in (seen.status_reason or "")
    assert bench.fakes.calls.count("resources") == SURPRISES_BELIEVED_AFTER + 1
    assert len([event for event in bench.events() if "Trying again" in event.text]) == 1


def test_update_waits_for_a_heat_that_is_still_busy_with_what_a_dead_one_asked_for(
    bench: Bench,
) -> None:
    row = created(bench)
    ask(bench, row, Action.UPDATE)
    bench.fakes.refuse("update stack", *[Clash("Heat", 409, "has an action in progress")] * 9)
    bench.work()
    seen = bench.read(row.uuid)
    assert seen is not None
    assert (seen.status, seen.status_reason) == ("UPDATE_COMPLETE", None)


def test_reason_that_the_database_cannot_hold_does_not_keep_an_operation_open(
    bench: Bench,
) -> None:
    @event.listens_for(bench.database.engine, "before_cursor_execute")
    def refuse(_c: Any, _cursor: Any, _statement: str, parameters: Any, *_: Any) -> None:
        if "\N{BLACK CIRCLE}" in str(parameters):  # of systemd's, in a database of latin1
            raise db_exception.DBDataError

    row = factories.add_cluster(bench.database, Action.CREATE)
    bench.fakes.refuse("create stack", Rejected("Heat", 400, "\N{BLACK CIRCLE} node.service"))
    bench.work()
    seen = bench.read(row.uuid)
    assert seen is not None
    assert (seen.status, seen.status_reason) == ("CREATE_FAILED", UNSPEAKABLE)
    assert bench.leases.held() == []


def test_poisoned_cluster_keeps_no_other_from_its_end(bench: Bench) -> None:
    poisoned = factories.add_cluster(bench.database, Action.CREATE)
    bench.fakes.refuse("store", *[RuntimeError("x")] * (SURPRISES_BELIEVED_AFTER + 1))
    bench.work()
    healthy = factories.add_cluster(bench.database, Action.CREATE)
    bench.work()
    first, second = bench.read(poisoned.uuid), bench.read(healthy.uuid)
    assert first is not None
    assert second is not None
    assert (first.status, second.status) == ("CREATE_FAILED", "CREATE_COMPLETE")


def test_deadline_names_what_was_waited_for(bench: Bench) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    (held,) = bench.leases.claim(1)
    bench.runner.begin(held)
    (stack,) = bench.fakes.heat.living()
    bench.fakes.heat.resources_of[stack.id] = [
        resource("first_master", "node.yaml", "CREATE_IN_PROGRESS"),
        resource("first_master/ready", "OS::Heat::WaitCondition", "CREATE_IN_PROGRESS"),
        resource("workers/0/volume", "OS::Cinder::Volume", "CREATE_FAILED", "No space"),
    ]
    bench.runner.expire(held)
    seen = bench.read(row.uuid)
    assert seen is not None
    assert seen.status == "CREATE_FAILED"
    assert "still waiting for first_master/ready (node " in (seen.status_reason or "")
    assert seen.faults == {"workers/0/volume": "No space"}


def test_operation_nobody_worked_on_in_time_fails_without_touching_the_cloud(bench: Bench) -> None:
    row = factories.add_cluster(bench.database)
    ask(bench, row, Action.CREATE, timeout_seconds=-1.0)
    bench.work()
    seen = bench.read(row.uuid)
    assert seen is not None
    assert seen.status == "CREATE_FAILED"
    assert bench.fakes.heat.created == 0


def test_stack_deleted_behind_our_back_fails_the_create(bench: Bench) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    (held,) = bench.leases.claim(1)
    bench.runner.begin(held)
    bench.runner.resume(None, held)
    seen = bench.read(row.uuid)
    assert seen is not None
    assert seen.status == "CREATE_FAILED"
    assert "was deleted" in (seen.status_reason or "")


def test_delete_supersedes_a_create_whose_holder_finds_out_at_its_next_write(bench: Bench) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    (held,) = bench.leases.claim(1)
    ask(bench, row, Action.DELETE)
    assert bench.leases.claim(10) == []  # not beside the create that is still held
    assert bench.runner.begin(held) is Verdict.OVER
    bench.work()
    assert bench.read(row.uuid) is None
    assert bench.fakes.is_clean


def test_delete_leaves_no_user_where_keystone_finds_none_by_its_name(bench: Bench) -> None:
    row = created(bench)
    bench.fakes.keystone.finds_nobody = True
    ask(bench, row, Action.DELETE)
    bench.work()
    assert bench.read(row.uuid) is None
    assert bench.fakes.is_clean


def test_delete_removes_ports_in_the_way_first_and_asks_heat_again(bench: Bench) -> None:
    row = created(bench)
    (stack,) = bench.fakes.heat.living()
    bench.fakes.heat.resources_of[stack.id] = [
        resource("network", "OS::Neutron::Net", "DELETE_FAILED", "in use", at="net-1")
    ]
    bench.fakes.network.ports["net-1"] = [
        Port("stray", "lb", "Octavia", "", frozenset(), ()),
        Port("dhcp", "", "network:dhcp", "", frozenset(), ()),
    ]
    ask(bench, row, Action.DELETE)
    (held,) = bench.leases.claim(1)
    bench.runner.begin(held)
    assert [port.id for port in bench.fakes.network.ports["net-1"]] == ["dhcp"]
    assert bench.fakes.changes.index("delete port") < bench.fakes.changes.index("delete stack")
    bench.fakes.heat.settle("FAILED")
    assert bench.runner.resume(bench.fakes.heat.stacks[stack.id], held) is Verdict.WAITING
    assert bench.fakes.changes.count("delete stack") == 2
    bench.fakes.heat.settle()
    bench.runner.resume(None, held)
    assert bench.read(row.uuid) is None
    assert bench.fakes.is_clean


def test_delete_that_cannot_end_names_what_remains_and_can_be_asked_for_again(
    bench: Bench,
) -> None:
    row = created(bench)
    (stack,) = bench.fakes.heat.living()
    bench.fakes.heat.resources_of[stack.id] = [
        resource("network", "OS::Neutron::Net", "DELETE_FAILED", "in use", at="net-1")
    ]
    bench.fakes.network.ports["net-1"] = [
        Port("guest", "", "compute:nova", "server-9", frozenset(), ())
    ]
    ask(bench, row, Action.DELETE)
    bench.work("FAILED")
    seen = bench.read(row.uuid)
    assert seen is not None
    assert seen.status == "DELETE_FAILED"
    assert "Port guest of server server-9" in (seen.status_reason or "")
    attempts = bench.conf.cluster_heat.delete_attempts
    assert bench.fakes.changes.count("delete stack") == attempts
    bench.fakes.network.ports.clear()
    ask(bench, row, Action.DELETE)
    bench.work()
    assert bench.read(row.uuid) is None
    assert bench.fakes.is_clean


def test_delete_goes_on_when_the_project_is_gone(bench: Bench) -> None:
    row = created(bench)
    bench.new_conductor()
    bench.fakes.keystone.gone_projects.add(row.project_id)
    ask(bench, row, Action.DELETE)
    bench.work()
    assert bench.read(row.uuid) is None
    assert not bench.fakes.keystone.users
    assert not bench.fakes.store.bundles


def test_delete_leaves_no_stack_behind_because_a_role_is_not_found(bench: Bench) -> None:
    row = created(bench)
    bench.new_conductor()
    bench.fakes.refuse("grant", *[Missing("Keystone", 404, "there is no role member")] * 99)
    ask(bench, row, Action.DELETE)
    bench.work()
    seen = bench.read(row.uuid)
    assert seen is not None
    assert seen.status == "DELETE_FAILED"
    assert "there is no role member" in (seen.status_reason or "")
    assert bench.fakes.heat.living()


def test_roles_stay_while_another_cluster_of_the_project_needs_them(bench: Bench) -> None:
    first, second = created(bench), created(bench)
    ask(bench, first, Action.DELETE)
    bench.work()
    assert bench.fakes.keystone.granted == {factories.PROJECT}
    ask(bench, second, Action.DELETE)
    bench.work()
    assert bench.fakes.is_clean


def test_roles_that_another_conductor_gave_back_are_taken_anew(bench: Bench) -> None:
    first = factories.add_cluster(bench.database, Action.CREATE)
    bench.work()
    ours = bench.cloud, bench.leases, bench.runner
    bench.new_conductor()
    bench.database.write(lambda session: factories.add_operation(session, first, Action.DELETE))
    bench.work()
    assert bench.fakes.keystone.granted == set()

    bench.cloud, bench.leases, bench.runner = ours
    factories.add_cluster(bench.database, Action.CREATE)
    bench.work()
    assert bench.fakes.keystone.granted == {factories.PROJECT}


def test_roles_go_when_the_last_two_clusters_go_together(bench: Bench) -> None:
    rows = [created(bench), created(bench)]
    for row in rows:
        ask(bench, row, Action.DELETE)
    bench.work()
    assert bench.fakes.is_clean


def test_conductor_that_stops_gives_back_what_it_holds(bench: Bench) -> None:
    factories.add_cluster(bench.database, Action.CREATE)
    (held,) = bench.leases.claim(1)
    bench.leases.closing = True
    bench.runner.begin(held)
    bench.new_conductor()
    (taken,) = bench.leases.claim(1)
    assert taken.claim.uuid == held.claim.uuid
