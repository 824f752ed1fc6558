# SPDX-License-Identifier: Apache-2.0
"""What operators are told of operations, from the request to the message."""

import json
import pathlib
import threading
from collections.abc import Callable
from typing import Any

import oslo_messaging
import pytest
from oslo_config import cfg
from oslo_messaging.notify import _impl_test
from sqlalchemy import func, select, update

from magnum.certs import manager
from magnum.context import RequestContext
from magnum.core.states import Action
from magnum.db.models import Cluster, Notification
from magnum.rpc import transport
from magnum.rpc.notices import Notices, Teller
from tests import factories
from tests.unit.conductor.conftest import Bench
from tests.unit.service.conftest import Office, caller

SAMPLE = pathlib.Path(__file__).parents[3] / "doc" / "source" / "admin" / "notification.json"
Tell = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def driver(conf: cfg.ConfigOpts) -> None:
    """Turn notifications on, with the library's driver for tests."""
    transport.open_notification_transport(conf)  # registers the option
    conf.set_override("driver", ["test"], "oslo_messaging_notifications")
    conf.set_override("host", "ctl1")
    _impl_test.reset()


@pytest.fixture
def tell(conf: cfg.ConfigOpts, bench: Bench, driver: None) -> Tell:
    """Return what sends all there is, and shows each message that was ever sent."""

    def send() -> list[dict[str, Any]]:
        Teller(conf, bench.database).tell_all(threading.Event())
        return [{**message, "priority": level} for _, message, level, _ in _impl_test.NOTIFICATIONS]

    return send


@pytest.fixture
def office(conf: cfg.ConfigOpts, bench: Bench) -> Office:
    return Office(conf, bench.database)


@pytest.fixture
def mine() -> RequestContext:
    context: RequestContext = caller()
    return context


def ask(office: Office, mine: RequestContext) -> Cluster:
    template = office.template(mine)
    values = {"name": "b1", "cluster_template_id": template.uuid}
    return office.clusters.create(mine, values)


def in_short(messages: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [
        (message["event_type"].removeprefix("magnum.bay."), outcome, message["priority"])
        for message in messages
        for outcome in [message["payload"]["outcome"]]
    ]


def attached(message: dict[str, Any]) -> dict[str, Any]:
    (attachment,) = message["payload"]["target"]["attachments"]
    content: dict[str, Any] = attachment["content"]
    return content


def waiting(bench: Bench) -> int:
    count = select(func.count(Notification.id))
    return bench.database.read(lambda session: session.scalar(count)) or 0


def shape(value: Any) -> Any:
    """Return what keys there are, and the type of each value."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value[:1]]
    return type(value)


def test_life_of_a_bay_is_told_from_request_to_end(
    bench: Bench, office: Office, mine: RequestContext, tell: Tell
) -> None:
    row = ask(office, mine)
    assert in_short(tell()) == [("create", "pending", "INFO")]
    bench.work()
    office.clusters.update(mine, row, {"node_count": 2})
    bench.work()
    office.clusters.delete(mine, row)
    bench.work()
    assert bench.read(row.uuid) is None
    messages = tell()
    assert in_short(messages) == [
        (action, outcome, "INFO")
        for action in ("create", "update", "delete")
        for outcome in ("pending", "success")
    ]
    assert [attached(message)["status"] for message in messages] == [
        f"{action}_{state}"
        for action in ("CREATE", "UPDATE", "DELETE")
        for state in ("IN_PROGRESS", "COMPLETE")
    ]
    assert waiting(bench) == 0


def test_event_is_as_the_documentation_shows(
    bench: Bench, office: Office, mine: RequestContext, tell: Tell
) -> None:
    row = ask(office, mine)
    bench.work("FAILED")
    message = tell()[-1]
    assert message["publisher_id"] == "container.ctl1"
    assert message["priority"] == "ERROR"
    event = message["payload"]
    initiator = {"id": mine.user_id, "user_id": mine.user_id, "project_id": mine.project_id}
    ids = {"request_id": "req-test", "global_request_id": "req-theirs"}
    assert event["initiator"].items() >= {**initiator, **ids}.items()
    assert (event["target"]["id"], event["target"]["name"]) == (row.uuid, "b1")
    assert event["target"]["typeURI"] == event["observer"]["typeURI"] == "service/magnum/bay"
    assert event["reason"]["reasonCode"] == "CREATE_FAILED"
    assert "The Heat stack is CREATE_FAILED" in attached(message)["status_reason"]
    shown = json.loads(SAMPLE.read_text())
    assert shape(shown) == shape(json.loads(json.dumps(message)))


def test_nothing_secret_is_told(
    bench: Bench, office: Office, mine: RequestContext, tell: Tell
) -> None:
    row = ask(office, mine)
    bench.work()
    text = json.dumps(tell())
    for _, password in bench.fakes.keystone.users.values():
        assert password not in text
    for name in (manager.ca_name(row.uuid), manager.conductor_name(row.uuid)):
        assert name not in text
        assert bench.fakes.store.bundles[name].private_key_pem not in text


def test_update_that_goes_back_has_failed_and_the_way_back_is_told_apart(
    bench: Bench, office: Office, mine: RequestContext, tell: Tell
) -> None:
    row = ask(office, mine)
    bench.work()
    bench.fakes.heat.room = 1
    office.clusters.update(mine, row, {"node_count": 2}, rollback=True)
    bench.work()
    messages = tell()[2:]
    assert in_short(messages) == [
        ("update", "pending", "INFO"),
        ("update", "failure", "ERROR"),
        ("rollback", "pending", "INFO"),
        ("rollback", "success", "INFO"),
    ]
    assert messages[-1]["payload"]["action"] == "update/rollback"
    assert [attached(message)["node_count"] for message in messages] == [2, 1, 1, 1]
    assert "No valid host" in attached(messages[-1])["status_reason"]


def test_what_a_deletion_supersedes_is_told_as_failed(
    bench: Bench, office: Office, mine: RequestContext, tell: Tell
) -> None:
    office.clusters.delete(mine, ask(office, mine))
    messages = tell()
    assert in_short(messages) == [
        ("create", "pending", "INFO"),
        ("create", "failure", "ERROR"),
        ("delete", "pending", "INFO"),
    ]
    assert messages[1]["payload"]["reason"]["reasonCode"] == "SUPERSEDED"


def test_what_may_have_been_sent_is_sent_again_under_the_same_id(
    bench: Bench, office: Office, mine: RequestContext, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(office, mine)

    def die(*_: object, **__: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr("magnum.db.notifications.remove", die)
        with pytest.raises(SystemExit):
            tell()
    assert len(tell()) == 1  # not while who died may still be sending it
    bench.database.write(
        lambda session: session.execute(update(Notification).values(taken_until=0.0))
    )
    first, second = tell()
    assert first["payload"]["id"] == second["payload"]["id"]
    assert waiting(bench) == 0


def test_names_are_the_operator_s_choice(
    conf: cfg.ConfigOpts, office: Office, mine: RequestContext, tell: Tell
) -> None:
    conf.set_override("notification_nouns", ["bay", "cluster"], "conductor")
    ask(office, mine)
    told = [(each["event_type"], each["payload"]["target"]["typeURI"]) for each in tell()]
    assert told == [
        ("magnum.bay.create", "service/magnum/bay"),
        ("magnum.cluster.create", "service/magnum/cluster"),
    ]


def test_nothing_is_written_or_started_without_a_driver(
    conf: cfg.ConfigOpts, bench: Bench, office: Office, mine: RequestContext
) -> None:
    ask(office, mine)
    bench.work()
    assert waiting(bench) == 0
    Teller(conf, bench.database).start(threading.Event())
    assert "teller" not in {thread.name for thread in threading.enumerate()}


def test_request_is_accepted_with_a_broker_nobody_can_address(
    conf: cfg.ConfigOpts, bench: Bench, office: Office, mine: RequestContext, driver: None
) -> None:
    conf.set_override("transport_url", "no-such-thing://x:y", "oslo_messaging_notifications")
    assert Notices(conf).wanted
    ask(office, mine)
    assert waiting(bench) == 1


def test_broker_that_hangs_holds_nothing_and_is_told_when_it_is_back(
    conf: cfg.ConfigOpts,
    bench: Bench,
    driver: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    conf.set_override("sweep_interval", 0.1, "conductor")
    asked, back, told = threading.Event(), threading.Event(), threading.Event()

    def send(_self: object, _context: object, _type: str, payload: dict[str, Any]) -> None:
        asked.set()
        back.wait(20)
        if payload["outcome"] == "success":
            told.set()

    monkeypatch.setattr(oslo_messaging.Notifier, "info", send)
    stopping = threading.Event()
    Teller(conf, bench.database).start(stopping)
    row = factories.add_cluster(bench.database, Action.CREATE)
    bench.database.write(lambda session: session.add(Notification(uuid=row.uuid, told=PENDING)))
    assert asked.wait(20)
    bench.work()
    seen = bench.read(row.uuid)
    assert seen is not None
    assert seen.status == "CREATE_COMPLETE"
    back.set()
    assert told.wait(20)
    stopping.set()


PENDING = {
    "time": "2026-01-01T00:00:00+00:00",
    "action": "create",
    "result": "pending",
    "reason": None,
    "user_id": factories.USER,
    "project_id": factories.PROJECT,
    "request_id": None,
    "cluster_id": "7d5cbf1a-0000-4000-8000-000000000000",
    "cluster": {"name": "b1"},
}
