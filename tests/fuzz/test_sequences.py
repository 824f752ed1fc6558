# SPDX-License-Identifier: Apache-2.0
"""Life and death in random order, beside a model of what must hold."""

import json
from dataclasses import dataclass
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from magnum.core import states
from magnum.core.states import Action, Outcome
from tests.fuzz import world
from tests.fuzz.conftest import Fuzz
from tests.wire import Answer, Request

TOKEN = f"carol:green:member:{world.SECRET}"
SHARE, REQUESTS_A_RUN = 0.1, 80

BECOMES = {
    "start": "Running",
    "stop": "Stopped",
    "pause": "Paused",
    "unpause": "Running",
    "reboot": "Running",
}
REFUSED_BY = {
    "start": {"Paused"},
    "stop": set[str](),
    "pause": {"Stopped", "Paused"},
    "unpause": {"Stopped", "Running"},
    "reboot": set[str](),
}


@dataclass
class Bay:
    """What is known of a bay.

    :ivar under_way: the action that nobody has finished yet.
    """

    template: str
    node_count: int
    under_way: Action | None = Action.CREATE
    status: str = "CREATE_IN_PROGRESS"
    has_authority: bool = False

    def begin(self, action: Action) -> None:
        """Note that an action was accepted."""
        self.under_way, self.status = action, states.status(action, Outcome.IN_PROGRESS)


@dataclass
class Container:
    """What is known of a container."""

    bay: str
    status: str = "Stopped"


class Life(RuleBasedStateMachine):
    """Bays, baymodels and containers of a project that has none in the beginning."""

    baymodels: Bundle[str] = Bundle("baymodels")
    bays: Bundle[str] = Bundle("bays")
    containers: Bundle[str] = Bundle("containers")

    def __init__(self, fuzz: Fuzz) -> None:
        super().__init__()
        self._fuzz = fuzz
        self._templates: set[str] = set()
        self._bays: dict[str, Bay] = {}
        self._containers: dict[str, Container] = {}

    def teardown(self) -> None:
        self._fuzz.stage.restore()

    def _send(self, method: str, target: str, body: Any = None, version: str = "1.1") -> Answer:
        headers = (
            ("Content-Type", "application/json"),
            ("X-Auth-Token", TOKEN),
            ("OpenStack-API-Version", f"container-infra {version}"),
        )
        text = b"" if body is None else json.dumps(body).encode()
        return self._fuzz.send(Request(method, target.encode(), headers, text), restore=False)

    def _is_used(self, baymodel: str) -> bool:
        return any(bay.template == baymodel for bay in self._bays.values())

    @rule(target=baymodels)
    def add_baymodel(self) -> str:
        body = {"coe": "swarm", "image_id": "fedora-atomic-21", "keypair_id": "ops"}
        answer = self._send("POST", "/v1/baymodels", {**body, "external_network_id": "public"})
        assert answer.status == 201
        uuid: str = answer.json()["uuid"]
        self._templates.add(uuid)
        return uuid

    @rule(baymodel=baymodels, name=st.sampled_from(["one", "two", "three"]), publish=st.booleans())
    def change_baymodel(self, baymodel: str, name: str, publish: bool) -> None:
        changes = {"public": "true"} if publish else {"name": name}
        patch = [{"op": "replace", "path": f"/{k}", "value": v} for k, v in changes.items()]
        before = self._send("GET", f"/v1/baymodels/{baymodel}")
        answer = self._send("PATCH", f"/v1/baymodels/{baymodel}", patch)
        if baymodel not in self._templates:
            assert answer.status == 404
        elif self._is_used(baymodel) and not publish and before.json()["name"] != name:
            assert answer.status == 400
        else:
            assert answer.status == 200

    @rule(baymodel=baymodels)
    def delete_baymodel(self, baymodel: str) -> None:
        answer = self._send("DELETE", f"/v1/baymodels/{baymodel}")
        if baymodel not in self._templates:
            assert answer.status == 404
        elif self._is_used(baymodel):
            assert answer.status == 400
        else:
            assert answer.status == 204
            self._templates.discard(baymodel)

    @rule(
        target=bays,
        baymodel=baymodels,
        count=st.integers(1, 3),
        version=st.sampled_from(["1.1", "1.3"]),
    )
    def add_bay(self, baymodel: str, count: int, version: str) -> str:
        body = {"baymodel_id": baymodel, "node_count": count}
        answer = self._send("POST", "/v1/bays", body, version)
        if baymodel not in self._templates:
            assert answer.status == 400
            return world.ident("none")
        assert answer.status == (201 if version == "1.1" else 202)
        uuid: str = answer.json()["uuid"]
        self._bays[uuid] = Bay(baymodel, count)
        return uuid

    @rule(uuid=bays, count=st.integers(1, 3))
    def scale_bay(self, uuid: str, count: int) -> None:
        patch = [{"op": "replace", "path": "/node_count", "value": count}]
        answer = self._send("PATCH", f"/v1/bays/{uuid}", patch)
        bay = self._bays.get(uuid)
        if bay is None:
            assert answer.status == 404
        elif count == bay.node_count and bay.status != "UPDATE_FAILED":
            assert answer.status == 200
        elif bay.status not in states.UPDATABLE:
            assert answer.status == 400
        else:
            assert answer.status == 200
            bay.node_count = count
            bay.begin(Action.UPDATE)

    @rule(uuid=bays)
    def delete_bay(self, uuid: str) -> None:
        answer = self._send("DELETE", f"/v1/bays/{uuid}")
        assert answer.status == (204 if uuid in self._bays else 404)
        if uuid in self._bays:
            self._bays[uuid].begin(Action.DELETE)

    @rule(uuid=bays)
    def show_authority(self, uuid: str) -> None:
        answer = self._send("GET", f"/v1/certificates/{uuid}")
        bay = self._bays.get(uuid)
        if bay is None:
            assert answer.status == 404
        else:
            assert answer.status == (200 if bay.has_authority else 409)

    @rule(target=containers, uuid=bays)
    def add_container(self, uuid: str) -> str:
        answer = self._send("POST", "/v1/containers", {"image": "busybox", "bay_uuid": uuid})
        bay = self._bays.get(uuid)
        if bay is None or bay.status not in states.TAKES_CONTAINERS:
            assert answer.status == 400
            return world.ident("none")
        assert answer.status == 201
        made: str = answer.json()["uuid"]
        self._containers[made] = Container(uuid)
        return made

    @rule(uuid=containers, verb=st.sampled_from(["start", "stop", "pause", "unpause", "reboot"]))
    def act_on_container(self, uuid: str, verb: str) -> None:
        answer = self._send("PUT", f"/v1/containers/{uuid}/{verb}")
        container = self._containers.get(uuid)
        if container is None:
            assert answer.status == 404
        elif container.status in REFUSED_BY[verb]:
            assert answer.status == 409
        else:
            assert answer.status == 200
            container.status = BECOMES[verb]

    @rule(uuid=containers)
    def delete_container(self, uuid: str) -> None:
        answer = self._send("DELETE", f"/v1/containers/{uuid}")
        container = self._containers.get(uuid)
        if container is None:
            assert answer.status == 404
        elif container.status != "Stopped":
            assert answer.status == 409
        else:
            assert answer.status == 204
            del self._containers[uuid]

    @rule(outcome=st.sampled_from([Outcome.COMPLETE, Outcome.COMPLETE, Outcome.FAILED]))
    def finish(self, outcome: Outcome) -> None:
        self._fuzz.stage.world.conductor.finish(outcome)
        for uuid, bay in list(self._bays.items()):
            if bay.under_way is None:
                continue
            if bay.under_way is Action.DELETE and outcome is Outcome.COMPLETE:
                del self._bays[uuid]
                self._containers = {
                    name: each for name, each in self._containers.items() if each.bay != uuid
                }
                continue
            bay.status, bay.under_way = states.status(bay.under_way, outcome), None
            bay.has_authority = True

    @invariant()
    def lists_show_what_there_is(self) -> None:
        bays = {bay["uuid"]: (bay["status"], bay["node_count"]) for bay in self._listed("bays")}
        assert bays == {uuid: (bay.status, bay.node_count) for uuid, bay in self._bays.items()}
        containers = {each["uuid"]: each["status"] for each in self._listed("containers")}
        assert containers == {uuid: each.status for uuid, each in self._containers.items()}
        baymodels = {model["uuid"] for model in self._listed("baymodels")}
        assert baymodels == self._templates | {world.ident("published")}

    def _listed(self, collection: str) -> list[Any]:
        """Return all of a list, page by page."""
        items, target = [], f"/v1/{collection}?sort_key=name&sort_dir=desc"
        while target:
            answer = self._send("GET", target)
            assert answer.status == 200
            page = answer.json()
            items += page[collection]
            target = page.get("next", "").removeprefix("http://api.test:9511")
        assert len({item["uuid"] for item in items}) == len(items)
        return items


def test_what_was_asked_for_is_what_is_shown(fuzz: Fuzz) -> None:
    settings = fuzz.settings(SHARE / REQUESTS_A_RUN, stateful_step_count=20)
    machine: Any = partial(Life, fuzz)
    run_state_machine_as_test(machine, settings=settings)
