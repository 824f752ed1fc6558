# SPDX-License-Identifier: Apache-2.0
import dataclasses
from datetime import UTC, datetime

import pytest
from keystoneauth1.exceptions import ConnectFailure

from magnum.clients.errors import Clash, Missing, Rejected
from magnum.core.errors import Unavailable
from magnum.drivers.contract import StackRequest
from magnum.heat.stacks import Stacks
from tests.fakes.http import Answer

REQUEST = StackRequest(
    name="k1-abc",
    template={"heat_template_version": "2018-08-31"},
    files={"node.yaml": "{}"},
    parameters={"node_count": 2},
    tags=("magnum", "magnum-cluster-x"),
    timeout_minutes=60,
)


@pytest.fixture
def heat(cloud):
    return cloud.heat


@pytest.fixture
def stacks(cloud):
    return Stacks(cloud.tenant()[1], cloud.conf)


def test_a_stack_is_made_as_requested(heat, stacks):
    stack_id = stacks.create(REQUEST)
    assert heat.stacks[stack_id]["request"] == {
        "stack_name": "k1-abc",
        "template": {"heat_template_version": "2018-08-31"},
        "files": {"node.yaml": "{}"},
        "parameters": {"node_count": 2},
        "tags": "magnum,magnum-cluster-x",
        "timeout_mins": 60,
        "disable_rollback": True,
    }


def test_a_stack_that_is_there_is_adopted(heat, stacks):
    assert stacks.create(REQUEST) == stacks.create(REQUEST)
    assert len(heat.stacks) == 1


def test_a_stack_that_is_going_is_not_adopted(stacks):
    stacks.delete(stacks.create(REQUEST))
    with pytest.raises(Clash, match="already exists"):
        stacks.create(REQUEST)


def test_what_heat_rejects_comes_with_its_words(heat, stacks):
    heat.trouble = Answer(400, {"error": {"message": "The Parameter (x) was not defined."}})
    with pytest.raises(Rejected, match=r"Heat refuses: The Parameter \(x\) was not defined\.$"):
        stacks.create(REQUEST)


def test_a_stack_is_found_by_name(stacks):
    assert stacks.find("k1-abc") is None
    stack_id = stacks.create(REQUEST)
    stack = stacks.find("k1-abc")
    assert (stack.id, stack.name, stack.status) == (stack_id, "k1-abc", "CREATE_IN_PROGRESS")
    assert stack.created_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert stack.updated_at is None


def test_a_stack_tells_which_parameters_its_template_declares(heat, stacks):
    template = {"parameters": {"node_count": {"type": "number"}, "token": {"hidden": True}}}
    stack_id = stacks.create(dataclasses.replace(REQUEST, template=template))
    heat.settle(stack_id, "CREATE_COMPLETE")
    assert stacks.find(stack_id).parameters == {"node_count", "token"}
    assert stacks.status_of([stack_id])[stack_id].status == "CREATE_COMPLETE"


def test_a_deleted_stack_is_not_found_by_name_but_shown_by_id(heat, stacks):
    stack_id = stacks.create(REQUEST)
    heat.settle(stack_id, "DELETE_COMPLETE")
    assert stacks.find("k1-abc") is None
    assert stacks.find(stack_id) is None
    assert stacks.get(stack_id).status == "DELETE_COMPLETE"


def test_only_the_parameters_named_are_changed(heat, stacks):
    stack_id = stacks.create(REQUEST)
    heat.settle(stack_id, "CREATE_COMPLETE")
    stacks.update(stack_id, {"node_count": 3}, 10)
    body = heat.calls[-1].body
    assert (heat.calls[-1].method, body["parameters"]) == ("PATCH", {"node_count": 3})
    assert set(body) == {"parameters", "timeout_mins", "disable_rollback"}


def test_a_busy_stack_is_a_clash(stacks):
    stack_id = stacks.create(REQUEST)
    with pytest.raises(Clash, match="action in progress"):
        stacks.update(stack_id, {"node_count": 3}, 10)


def test_an_update_of_a_stack_that_is_gone_is_missing(stacks):
    with pytest.raises(Missing):
        stacks.update("gone", {}, 10)


def test_a_stack_is_deleted_once_and_again_and_when_gone(heat, stacks):
    stack_id = stacks.create(REQUEST)
    stacks.delete(stack_id)
    stacks.delete(stack_id)
    stacks.delete("never-was")
    assert heat.stacks[stack_id]["stack_status"] == "DELETE_IN_PROGRESS"


def test_a_hundred_statuses_cost_one_call(heat, stacks):
    ids = {stacks.create(REQUEST)}
    many = [f"id-{number}" for number in range(99)]
    heat.calls.clear()
    assert set(stacks.status_of([*ids, *many])) == ids
    assert heat.count("GET") == 1
    assert "show_nested" not in heat.calls[0].query


def test_more_are_asked_for_in_chunks_and_none_not_at_all(heat, stacks):
    assert stacks.status_of(f"id-{number}" for number in range(250)) == {}
    assert heat.count("GET") == 3
    assert stacks.status_of([]) == {}
    assert heat.count("GET") == 3


def test_outputs_are_read_by_name(heat, stacks):
    stack_id = stacks.create(REQUEST)
    heat.settle(stack_id, "CREATE_COMPLETE", api_address="10.0.0.1", node_addresses=["10.0.0.2"])
    heat.stacks[stack_id]["outputs"].append({"output_key": "bad", "output_error": "x"})
    assert stacks.outputs(stack_id) == {
        "api_address": "10.0.0.1",
        "node_addresses": ["10.0.0.2"],
        "bad": None,
    }


def test_resources_of_all_depths_have_paths(heat, stacks):
    stack_id = stacks.create(REQUEST)
    heat.add_resource(stack_id, "server", "OS::Nova::Server", inside="s-0")
    heat.add_resource(stack_id, "workers", "OS::Heat::ResourceGroup", nested="s-g")
    heat.add_resource(stack_id, "0", "node.yaml", inside="s-g", nested="s-0")
    resources = {resource.path: resource for resource in stacks.resources(stack_id)}
    assert set(resources) == {"workers", "workers/0", "workers/0/server"}
    assert resources["workers/0/server"].parent == "workers/0"
    assert resources["workers"].parent == ""
    assert resources["workers/0/server"].physical_id == "id-of-server"
    assert heat.count("GET", "resources") == 1
    assert int(heat.calls[-1].one("nested_depth")) >= 5


@pytest.mark.parametrize("trouble", [Answer(503), Answer(500), ConnectFailure("refused")])
@pytest.mark.parametrize(
    "ask",
    [
        lambda stacks: stacks.find("n"),
        lambda stacks: stacks.create(REQUEST),
        lambda stacks: stacks.update("i", {}, 1),
        lambda stacks: stacks.delete("i"),
        lambda stacks: stacks.get("i"),
        lambda stacks: stacks.status_of(["i"]),
        lambda stacks: stacks.outputs("i"),
        lambda stacks: stacks.resources("i"),
    ],
)
def test_heat_down_is_unavailable(heat, stacks, ask, trouble):
    heat.trouble = trouble
    with pytest.raises(Unavailable, match="Heat does not answer"):
        ask(stacks)
