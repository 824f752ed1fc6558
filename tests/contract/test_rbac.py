# SPDX-License-Identifier: Apache-2.0
"""The truth table of ``rbac.yaml``: every caller tries every call of the route table."""

import json
import pathlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import webob
from oslo_config import cfg

from magnum.api import routes
from magnum.api.versions import Application
from magnum.api.vocabulary import TEMPLATE_OF, Vocabulary
from magnum.clients import neutron
from magnum.db import repository
from magnum.db.models import Cluster
from tests.contract.stories import VOCABULARIES, in_words_of
from tests.fakes.services import World

FILE = pathlib.Path(__file__).with_name("rbac.yaml")
CALL = ("verb", "path", "of", "body")


@dataclass(frozen=True)
class Row:
    """One call; :ivar answers: the cell of each caller."""

    verb: str
    path: str
    of: str
    body: str
    answers: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.verb} {self.path} {self.of} {self.body}"


@dataclass(frozen=True)
class Table:
    """The file in the words of one vocabulary."""

    callers: Mapping[str, str]
    bodies: Mapping[str, Any]
    rows: tuple[Row, ...]


def read(vocabulary: Vocabulary) -> Table:
    document: Any = in_words_of(vocabulary, FILE.read_text())
    head, *lines = [line.split() for line in document["table"].splitlines() if line.strip()]
    assert (*CALL, *document["callers"]) == tuple(head)
    rows = []
    for line in lines:
        cells = dict(zip(head, line, strict=True))
        call = [cells.pop(name) for name in CALL]
        rows.append(Row(*call, answers=cells))
    return Table(document["callers"], document["bodies"], tuple(rows))


TABLES = {vocabulary.noun: read(vocabulary) for vocabulary in VOCABULARIES}
CASES = [(vocabulary, row) for vocabulary in VOCABULARIES for row in TABLES[vocabulary.noun].rows]


class Scene:
    """What the calls are about, made anew after each that changed something.

    :ivar uuids: by what the table calls it.
    """

    def __init__(self, application: Application, world: World, vocabulary: Vocabulary) -> None:
        self.application = application
        self.world = world
        self.vocabulary = vocabulary
        self.table = TABLES[vocabulary.noun]
        self.uuids: dict[str, str] = {}

    def make(self) -> None:
        vocabulary = self.vocabulary
        templates = f"/v1/{TEMPLATE_OF[vocabulary.noun].collection}"
        used, private, public = [
            self._make(templates, body) for body in ("template", "template", "published")
        ]
        cluster = self._make(f"/v1/{vocabulary.collection}", "cluster", used)
        self.uuids = {"private": private, "public": public, "cluster": cluster}
        self.world.conductor.finish()
        self.world.database.write(lambda session: _give_nodes(session, cluster))
        for state in ("stopped", "running", "paused"):
            self.uuids[state] = self._make("/v1/containers", "container", cluster, name=state)
            self.world.room.boxes[self.uuids[state]].state = {"stopped": "exited"}.get(state, state)

    def _make(self, path: str, body: str, ident: str = "", **more: str) -> str:
        made = self.send("POST", path, body, ident, self.table.callers["owner"], **more)
        assert made.status_int == 201
        return str(made.json["uuid"])

    def send(
        self, verb: str, path: str, body: str, ident: str, token: str, **more: str
    ) -> webob.Response:
        request = webob.Request.blank(path.replace("{ident}", ident), method=verb)
        request.headers["X-Auth-Token"] = token
        if body != "-":
            told = self.table.bodies[body]
            sent = json.dumps({**told, **more} if more else told).replace("{ident}", ident)
            request.body, request.content_type = sent.encode(), "application/json"
        return request.get_response(self.application)

    def answer(self, row: Row, caller: str) -> str:
        """Make the call, and say how it was answered in the words of a cell."""
        if not self.uuids:
            self.make()
        ident = self.uuids.get(row.of, "")
        got = self.send(row.verb, row.path, row.body, ident, self.table.callers[caller])
        if row.verb != "GET" and got.status_int < 300:
            self.uuids = {}
        is_list = got.status_int == 200 and ident and "{ident}" not in row.path
        is_shown = not is_list or ident in got.text
        return f"{got.status_int}{'' if is_shown else '-'}"


def _give_nodes(session: Any, uuid: str) -> None:
    row = repository.lock(session, Cluster, uuid)
    row.master_user_id, row.worker_user_id = "master-user", "worker-user"


@pytest.mark.parametrize(("vocabulary", "row"), CASES, ids=lambda part: getattr(part, "noun", part))
def test_row(
    vocabulary: Vocabulary,
    row: Row,
    application: Application,
    world: World,
    conf: cfg.ConfigOpts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    conf.set_override("max_limit", 1000, group="api")
    monkeypatch.setattr(neutron, "addresses_of_node", lambda *_: {"10.0.0.4"})
    scene = Scene(application, world, vocabulary)
    assert {caller: scene.answer(row, caller) for caller in row.answers} == row.answers


def test_the_table_has_every_call() -> None:
    known = {
        (verb, f"/{'/'.join(route.path)}") for route in routes.ROUTES for verb in route.handlers
    } | {("GET", f"/v1/{collection}") for collection in routes.GONE}
    listed = {(row.verb, row.path) for table in TABLES.values() for row in table.rows}
    assert listed == known
