# SPDX-License-Identifier: Apache-2.0
"""The deep health check tells what is wrong, soon, and no more than that."""

import json
import logging
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from oslo_config import cfg

from magnum import health
from magnum.certs.manager import CachingStore
from magnum.core import errors
from magnum.db import repository
from magnum.db.session import Database
from magnum.health import Health
from magnum.rpc import probe, transport
from tests.fakes.services import MemoryStore


def fail(error: Exception) -> Callable[[], None]:
    def check() -> None:
        raise error

    return check


def test_each_check_has_an_entry_and_one_that_fails_fails_all(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        page = Health(
            {
                "good": lambda: None,
                "silent": fail(errors.Unavailable("Heat")),
                "surprising": fail(RuntimeError("at 10.0.0.1, the password is xyzzy")),
            }
        ).page()
    assert page.status == 503
    assert json.loads(page.body) == {
        "ok": False,
        "checks": {
            "good": {"ok": True},
            "silent": {"ok": False, "reason": "Heat does not answer, try again later."},
            "surprising": {
                "ok": False,
                "reason": "The check failed (RuntimeError), the log tells more.",
            },
        },
    }
    assert "xyzzy" in caplog.text
    page = Health({"good": lambda: None}).page()
    assert (page.status, page.content_type) == (200, "application/json")


def test_checks_run_at_the_same_time_and_are_waited_for_so_long() -> None:
    meeting, go_on = threading.Barrier(2, timeout=10), threading.Event()
    checked = Health({"one": meeting.wait, "two": meeting.wait}, 10.0)  # type: ignore[dict-item]
    assert all(check["ok"] for check in checked.look().values())
    began = time.monotonic()
    hanging = Health({"a": lambda: _wait(go_on), "b": lambda: _wait(go_on)}, 0.2)
    for _ in range(2):
        assert hanging.look()["b"] == {"ok": False, "reason": "No answer within 0.2 s."}
    assert time.monotonic() - began < 10
    go_on.set()
    assert hanging.look()["a"]["ok"] in (True, False)


def _wait(event: threading.Event) -> None:
    event.wait(20)


class Keystone:
    """Knows us, unless told otherwise."""

    def __init__(self) -> None:
        self.check: Callable[[], None] = lambda: None


@pytest.fixture
def checks(
    conf: cfg.ConfigOpts, database: Database, monkeypatch: pytest.MonkeyPatch
) -> SimpleNamespace:
    """What is checked, all of it well but for the conductors."""
    monkeypatch.setattr(probe.Broker, "check", lambda _self: None)
    found = SimpleNamespace(keystone=Keystone(), store=MemoryStore())

    def build(host: str | None = None) -> Health:
        keystone: Any = found.keystone
        return health.build(conf, database, keystone, found.store, host)

    found.build, found.database, found.conf = build, database, conf
    return found


def test_a_young_heartbeat_is_wanted(checks: SimpleNamespace) -> None:
    assert checks.build().look()["conductor"]["reason"] == (
        "No heartbeat of any conductor for 180 s."
    )
    checks.database.write(lambda session: repository.heartbeat(session, "ctl1", "magnum-conductor"))
    assert all(check["ok"] for check in checks.build().look().values())
    assert checks.build("ctl1").look()["conductor"]["ok"]
    assert checks.build("ctl2").look()["conductor"]["reason"] == "No heartbeat of ctl2 for 180 s."


def test_silent_database_is_told_without_its_address(checks: SimpleNamespace) -> None:
    def fail_to_read(_work: object) -> None:
        raise errors.Unavailable("The database")

    checks.database.read = fail_to_read
    found = checks.build().look()
    assert found["database"]["reason"] == "The database does not answer, try again later."
    assert not found["conductor"]["ok"]
    assert found["keystone"]["ok"]


def test_store_whose_keys_cannot_be_read_is_told(
    checks: SimpleNamespace, keys: Any, database: Database, conf: cfg.ConfigOpts
) -> None:
    from magnum.certs.database import DatabaseStore
    from magnum.certs.local import LocalStore

    for kind in (DatabaseStore, LocalStore):
        checks.store = CachingStore(kind(conf, None, database), 60)
        assert checks.build().look()["certificate_store"] == {"ok": True}
    text = keys.read_text()
    keys.write_text("no key\n")
    found = checks.build().look()["certificate_store"]
    assert found["reason"] == (
        "The certificate store does not answer, try again later: its keys cannot be read."
    )
    keys.write_text(text)
    checks.store = CachingStore(MemoryStore(), 60)
    assert checks.build().look()["certificate_store"] == {"ok": True}, "it has no check"


def test_broker_that_does_not_take_messages_is_told(
    conf: cfg.ConfigOpts, monkeypatch: pytest.MonkeyPatch
) -> None:
    import oslo_messaging  # not before magnum.rpc has told it that there is no eventlet

    sent = []

    class Client:
        def prepare(self, *, fanout: bool) -> "Client":
            assert fanout, "as wake-ups are"
            return self

        def cast(self, context: object, method: str) -> None:
            sent.append(method)
            if len(sent) > 1:
                raise oslo_messaging.MessageDeliveryFailure("amqp://user:secret@host")

    monkeypatch.setattr(oslo_messaging, "get_rpc_client", lambda *_, **__: Client())
    monkeypatch.setattr(transport, "open_transport", lambda _conf: None)
    broker = probe.Broker(conf)
    broker.check()
    with pytest.raises(errors.Unavailable) as told:
        broker.check()
    assert str(told.value) == "The message broker does not answer, try again later."
