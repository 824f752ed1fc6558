# SPDX-License-Identifier: Apache-2.0
"""Accepting what is wanted of clusters."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from oslo_config import cfg
from oslo_db import exception as db_exception
from sqlalchemy import event, func, select, update
from sqlalchemy.orm import Session

from magnum.context import RequestContext
from magnum.core import errors, states
from magnum.core.states import Action
from magnum.db.models import Cluster, ClusterTemplate, Event, NodeGroup, Operation
from magnum.db.pages import Page
from magnum.service.preflight import Findings
from tests.unit.service.conftest import Office, caller


def operations(office: Office) -> list[Operation]:
    return office.database.read(
        lambda session: list(session.scalars(select(Operation).order_by(Operation.id)))
    )


def settle(office: Office, cluster: Cluster, status: str) -> None:
    """End what is under way, as a conductor would."""

    def write(session: Session) -> None:
        session.execute(update(Cluster).where(Cluster.uuid == cluster.uuid).values(status=status))
        session.execute(update(Operation).values(state=states.OperationState.COMPLETE))

    office.database.write(write)


@pytest.fixture
def made(office: Office, mine: RequestContext) -> Cluster:
    template = office.template(mine)
    return office.clusters.create(mine, {"name": "b1", "cluster_template_id": template.uuid})


def test_create_writes_cluster_groups_operation_and_event_and_wakes_a_conductor(
    office: Office, made: Cluster
) -> None:
    assert made.status == "CREATE_IN_PROGRESS"
    assert {(g.name, g.role, g.is_default, g.node_count) for g in made.node_groups} == {
        ("default-master", "master", True, 1),
        ("default-worker", "worker", True, 1),
    }
    (operation,) = operations(office)
    assert (operation.action, operation.state) == ("CREATE", "PENDING")
    assert (operation.request_id, operation.global_request_id) == ("req-test", "req-theirs")
    assert office.conductor.told == [operation.uuid]
    events = office.database.read(lambda session: session.scalar(select(func.count(Event.id))))
    assert events == 1


def test_create_takes_a_template_by_name_and_counts(office: Office, mine: RequestContext) -> None:
    template = office.template(mine, name="tpl")
    made = office.clusters.create(
        mine, {"cluster_template_id": "tpl", "node_count": 3, "master_count": 1, "name": None}
    )
    assert made.node_count == 3
    assert made.name.endswith("-bay")
    assert made.cluster_template_id == template.uuid


def test_create_that_fails_its_checks_writes_nothing(office: Office, mine: RequestContext) -> None:
    template = office.template(mine)
    office.preflight.missing = errors.ReferencedMissing("image_id is x but there is no such image.")
    with pytest.raises(errors.ReferencedMissing):
        office.clusters.create(mine, {"cluster_template_id": template.uuid})
    counts = office.database.read(
        lambda session: [
            session.scalar(select(func.count(model.id)))
            for model in (Cluster, NodeGroup, Operation)
        ]
    )
    assert counts == [0, 0, 0]
    assert office.conductor.told == []


def test_create_from_a_template_that_lacks_what_bays_need_names_it(
    office: Office, mine: RequestContext
) -> None:
    template = office.template(mine, name="bare", external_network_id=None)
    with pytest.raises(errors.Invalid, match=r"^external_network_id is not set in baymodel bare"):
        office.clusters.create(mine, {"cluster_template_id": template.uuid})


def test_driver_disabled_later_makes_no_new_bays_and_keeps_those_there_are(
    office: Office, mine: RequestContext, made: Cluster, conf: cfg.ConfigOpts
) -> None:
    settle(office, made, "CREATE_COMPLETE")
    conf.set_override("enabled_definitions", ["magnum_vm_coreos_k8s"], "cluster")
    with pytest.raises(errors.UnsupportedDriver, match="does not offer"):
        office.clusters.create(mine, {"cluster_template_id": made.cluster_template_id})
    assert office.clusters.update(mine, made, {"node_count": 2}).status == "UPDATE_IN_PROGRESS"
    office.clusters.delete(mine, made)
    assert office.clusters.get(mine, made.uuid).status == "DELETE_IN_PROGRESS"


def test_template_of_another_project_cannot_be_used_unless_public(
    office: Office, mine: RequestContext, stranger: RequestContext
) -> None:
    template = office.template(mine)
    with pytest.raises(errors.ReferencedMissing, match="baymodel_id"):
        office.clusters.create(stranger, {"cluster_template_id": template.uuid})
    office.templates.update(mine, template, {"public": True})
    made = office.clusters.create(stranger, {"cluster_template_id": template.uuid})
    assert made.project_id == stranger.project_id


def test_timeout_of_the_user_is_the_deadline(office: Office, mine: RequestContext) -> None:
    template = office.template(mine)
    given = {"cluster_template_id": template.uuid, "create_timeout": 7}
    office.clusters.create(mine, given)
    office.clusters.create(mine, {**given, "create_timeout": 0})
    short, default = operations(office)
    assert default.deadline - short.deadline == pytest.approx(60 * (60 - 7), abs=5)


def test_cluster_of_another_project_does_not_exist(
    office: Office, made: Cluster, stranger: RequestContext
) -> None:
    for ident in (made.uuid, made.name):
        with pytest.raises(errors.NotFound):
            office.clusters.get(stranger, ident)
    assert office.clusters.page(stranger, Page(10)) == []


def test_two_of_one_name_are_told_apart_by_uuid_only(
    office: Office, mine: RequestContext, made: Cluster
) -> None:
    office.clusters.create(mine, {"name": "b1", "cluster_template_id": made.cluster_template_id})
    with pytest.raises(errors.Ambiguous):
        office.clusters.get(mine, "b1")
    assert office.clusters.get(mine, made.uuid).uuid == made.uuid
    with pytest.raises(errors.NotFound):
        office.clusters.get(mine, made.uuid.upper())


def test_update_records_what_is_wanted(office: Office, mine: RequestContext, made: Cluster) -> None:
    settle(office, made, "CREATE_COMPLETE")
    row = office.clusters.get(mine, made.uuid)
    changed = office.clusters.update(mine, row, {"node_count": 4})
    assert (changed.status, changed.node_count) == ("UPDATE_IN_PROGRESS", 4)
    operation = operations(office)[-1]
    assert operation.change["before"] == {"node_count": 1}
    assert operation.change["wanted"] == {"node_count": 4}


@pytest.mark.parametrize("status", ["CREATE_IN_PROGRESS", "CREATE_FAILED", "DELETE_FAILED"])
def test_update_is_refused_unless_complete(
    office: Office, mine: RequestContext, made: Cluster, status: str
) -> None:
    settle(office, made, status)
    with pytest.raises(errors.WrongStatus, match=status):
        office.clusters.update(mine, office.clusters.get(mine, made.uuid), {"node_count": 2})
    assert office.clusters.get(mine, made.uuid).node_count == 1


def test_update_that_changes_nothing_starts_nothing(
    office: Office, mine: RequestContext, made: Cluster
) -> None:
    settle(office, made, "CREATE_COMPLETE")
    row = office.clusters.get(mine, made.uuid)
    assert office.clusters.update(mine, row, {}).status == "CREATE_COMPLETE"
    assert len(operations(office)) == 1


@pytest.mark.parametrize("status", ["UPDATE_FAILED", "ROLLBACK_FAILED"])
def test_failed_update_can_be_tried_again_as_it_is(
    office: Office, mine: RequestContext, made: Cluster, status: str
) -> None:
    settle(office, made, status)
    row = office.clusters.get(mine, made.uuid)
    assert office.clusters.update(mine, row, {}).status == "UPDATE_IN_PROGRESS"


def test_update_is_to_go_back_to_the_number_that_was_last_there(
    office: Office, mine: RequestContext, made: Cluster
) -> None:
    settle(office, made, "CREATE_COMPLETE")
    stale = office.clusters.get(mine, made.uuid)
    for status, wanted, before in (
        ("UPDATE_FAILED", 5, 1),
        ("UPDATE_COMPLETE", 4, 1),  # the one that failed was never there
        ("UPDATE_FAILED", 7, 4),
        ("UPDATE_FAILED", 7, 4),
    ):
        office.clusters.update(mine, stale, {"node_count": wanted}, rollback=True)
        change = operations(office)[-1].change
        assert (change["before"], change["wanted"]) == (
            {"node_count": before},
            {"node_count": wanted},
        )
        settle(office, made, status)


@pytest.mark.parametrize("status", ["ROLLBACK_IN_PROGRESS", "UPDATE_IN_PROGRESS"])
def test_update_is_refused_while_the_bay_goes_back(
    office: Office, mine: RequestContext, made: Cluster, status: str
) -> None:
    settle(office, made, status)
    row = office.clusters.get(mine, made.uuid)
    with pytest.raises(errors.WrongStatus, match=status):
        office.clusters.update(mine, row, {"node_count": 2})


def test_only_the_number_of_nodes_can_change(
    office: Office, mine: RequestContext, made: Cluster
) -> None:
    settle(office, made, "CREATE_COMPLETE")
    row = office.clusters.get(mine, made.uuid)
    with pytest.raises(errors.Invalid, match="not discovery_url, name"):
        office.clusters.update(mine, row, {"name": "x", "discovery_url": "y", "node_count": 2})


def test_second_of_two_updates_at_once_is_refused(
    office: Office, mine: RequestContext, made: Cluster
) -> None:
    settle(office, made, "CREATE_COMPLETE")
    row = office.clusters.get(mine, made.uuid)
    office.clusters.update(mine, row, {"node_count": 2})
    with pytest.raises(errors.WrongStatus):
        office.clusters.update(mine, row, {"node_count": 3})  # still sees CREATE_COMPLETE
    assert office.clusters.get(mine, made.uuid).node_count == 2


@pytest.mark.parametrize(
    "status",
    [
        "CREATE_IN_PROGRESS",
        "UPDATE_FAILED",
        "ROLLBACK_IN_PROGRESS",
        "ROLLBACK_FAILED",
        "DELETE_FAILED",
    ],
)
def test_delete_is_accepted_in_any_status(
    office: Office, mine: RequestContext, made: Cluster, status: str
) -> None:
    if status != "CREATE_IN_PROGRESS":
        settle(office, made, status)
    office.clusters.delete(mine, office.clusters.get(mine, made.uuid))
    assert office.clusters.get(mine, made.uuid).status == "DELETE_IN_PROGRESS"
    assert operations(office)[-1].action == Action.DELETE


def test_delete_supersedes_what_is_under_way(
    office: Office, mine: RequestContext, made: Cluster
) -> None:
    office.clusters.delete(mine, made)
    assert [operation.state for operation in operations(office)] == ["SUPERSEDED", "PENDING"]


def test_delete_asked_for_twice_starts_once(
    office: Office, mine: RequestContext, made: Cluster
) -> None:
    office.clusters.delete(mine, made)
    office.clusters.delete(mine, made)
    assert len(operations(office)) == 2
    assert len(office.conductor.told) == 2


def test_delete_of_what_has_just_gone_is_fine(
    office: Office, mine: RequestContext, made: Cluster
) -> None:
    office.database.write(
        lambda session: session.delete(session.get(Cluster, made.id))  # groups go by cascade
    )
    office.clusters.delete(mine, made)
    groups = office.database.read(lambda session: session.scalar(select(func.count(NodeGroup.id))))
    assert groups == 0


def test_pages_follow_one_another(office: Office, mine: RequestContext) -> None:
    template = office.template(mine)
    for name in "cab":
        office.clusters.create(mine, {"name": f"n{name}", "cluster_template_id": template.uuid})
    first = office.clusters.page(mine, Page(2, sort_key="name"))
    rest = office.clusters.page(mine, Page(2, first[-1].uuid, sort_key="name"))
    assert [row.name for row in (*first, *rest)] == ["na", "nb", "nc"]
    down = office.clusters.page(mine, Page(9, first[-1].uuid, sort_key="name", sort_dir="desc"))
    assert [row.name for row in down] == ["na"]


def test_pages_over_nulls_lose_nothing(office: Office, mine: RequestContext) -> None:
    template = office.template(mine)
    for number in range(5):
        address = f"https://10.0.0.{number}:2376" if number % 2 else None
        made = office.clusters.create(mine, {"cluster_template_id": template.uuid})
        office.database.write(
            lambda session, made=made, address=address: session.execute(
                update(Cluster).where(Cluster.uuid == made.uuid).values(api_address=address)
            )
        )
    for direction in ("asc", "desc"):
        seen: list[str] = []
        while page := office.clusters.page(
            mine, Page(2, seen[-1] if seen else None, "api_address", direction)
        ):
            seen += [row.uuid for row in page]
        assert len(set(seen)) == len(seen) == 5


def test_bad_sort_key_and_marker_are_told(office: Office, mine: RequestContext) -> None:
    with pytest.raises(errors.InvalidField, match="sort_key is 'nope'"):
        office.clusters.page(mine, Page(1, sort_key="nope"))
    with pytest.raises(errors.NotFound, match="to continue after"):
        office.clusters.page(mine, Page(1, "7d5cbf1a-0000-4000-8000-000000000000"))


def test_caller_without_a_project_can_do_nothing(office: Office) -> None:
    nobody = caller(project_id=None)
    for act in (
        lambda: office.clusters.get(nobody, "x"),
        lambda: office.clusters.page(nobody, Page(1)),
        lambda: office.clusters.create(nobody, {"cluster_template_id": "x"}),
        lambda: office.templates.get(nobody, "x"),
        lambda: office.template(nobody),
    ):
        with pytest.raises(errors.Forbidden, match="no project"):
            act()


def test_create_that_the_database_makes_us_try_again_is_written_once(
    office: Office, mine: RequestContext
) -> None:
    template = office.template(mine)
    refused: list[str] = []

    @event.listens_for(office.database.engine, "before_cursor_execute")
    def refuse(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not refused and statement.startswith("INSERT INTO operation"):
            refused.append(statement)  # when the cluster's row is written already
            raise db_exception.DBDeadlock

    made = office.clusters.create(mine, {"name": "b1", "cluster_template_id": template.uuid})
    assert refused
    assert (made.name, len(made.node_groups)) == ("b1", 2)
    assert [operation.cluster_id for operation in operations(office)] == [made.uuid]


def test_clusters_of_one_template_can_be_asked_for_at_the_same_time(
    office: Office, mine: RequestContext
) -> None:
    template = office.template(mine)
    deadlocks: list[str] = []

    @event.listens_for(office.database.engine, "handle_error")
    def note(context: Any) -> None:
        deadlocks.append(str(context.original_exception))

    def create(_number: int) -> str:
        return office.clusters.create(mine, {"cluster_template_id": template.uuid}).uuid

    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(create, range(24)))
    assert len(made) == len(operations(office)) == 24
    assert deadlocks == []


@pytest.mark.parametrize(
    ("values", "expected", "words"),
    [
        (None, errors.ReferencedMissing, "there is no such baymodel"),
        ({"labels": {"k1": "v1"}}, errors.Conflict, "Baymodel m was changed meanwhile, try again"),
    ],
)
def test_create_from_a_template_that_goes_or_changes_meanwhile_writes_nothing(
    office: Office,
    mine: RequestContext,
    monkeypatch: pytest.MonkeyPatch,
    values: dict[str, Any] | None,
    expected: type[errors.MagnumError],
    words: str,
) -> None:
    template = office.template(mine, name="m")
    genuine = office.preflight.check

    def slow(context: RequestContext, row: ClusterTemplate, **more: bool) -> Findings:
        monkeypatch.undo()
        if values is None:
            office.templates.delete(context, row)
        else:
            office.templates.update(context, row, values)
        return genuine(context, row, **more)

    monkeypatch.setattr(office.preflight, "check", slow)
    with pytest.raises(expected, match=words):
        office.clusters.create(mine, {"cluster_template_id": template.uuid})
    assert operations(office) == []
