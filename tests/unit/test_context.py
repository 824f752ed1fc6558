# SPDX-License-Identifier: Apache-2.0
"""One request id through threads, processes and services."""

import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from oslo_context import context as oslo_context

from magnum import context as contexts
from magnum.clients import neutron
from magnum.clients.sessions import Sessions
from magnum.context import RequestContext, carried
from magnum.core.errors import MagnumError
from magnum.core.states import Action
from magnum.db.models import Operation
from magnum.metrics import instruments
from magnum.service.preflight import Preflight
from tests import factories
from tests.fakes.http import Answer
from tests.fakes.openstack import FakeOpenStack
from tests.unit.conductor.conftest import Bench

OURS, THEIRS = "req-ours", "req-theirs"
HEADER = "X-OpenStack-Request-Id"


@pytest.fixture(autouse=True)
def no_context() -> Iterator[None]:
    """Begin and end without one."""
    oslo_context._request_store.__dict__.clear()
    yield
    oslo_context._request_store.__dict__.clear()


@pytest.fixture
def bench(conf: Any, database: Any) -> Bench:
    return Bench(conf, database)


@pytest.fixture
def cloud() -> FakeOpenStack:
    return FakeOpenStack()


def context() -> RequestContext:
    return RequestContext(request_id=OURS, global_request_id=THEIRS)


def test_thread_has_again_what_it_had_before() -> None:
    with carried(context):
        assert contexts.global_id() == THEIRS
        with carried(lambda: RequestContext(request_id="req-inner")):
            assert contexts.global_id() == "req-inner"
        assert contexts.global_id() == THEIRS
        seen: list[Any] = []
        other = threading.Thread(target=lambda: seen.append(oslo_context.get_current()))
        other.start()
        other.join()
        assert seen == [None]
    assert contexts.global_id() is None
    with pytest.raises(RuntimeError), carried(context):
        raise RuntimeError
    assert oslo_context.get_current() is None


def test_calls_carry_the_id_of_whom_they_are_made_for(cloud: FakeOpenStack) -> None:
    _, session = cloud.tenant()
    neutron.ports_on_network(session, "n")
    with carried(context):
        neutron.ports_on_network(session, "n")
    with carried(lambda: RequestContext(request_id=OURS)):
        neutron.ports_on_network(session, "n")
    assert [call.headers.get(HEADER) for call in cloud.neutron.calls] == [None, THEIRS, OURS]


def test_checks_of_the_api_carry_it_though_other_threads_make_them(cloud: FakeOpenStack) -> None:
    token = cloud.keystone.issue(cloud.keystone.service_user, "p1")
    caller = RequestContext(
        request_id=OURS, global_request_id=THEIRS, auth_token=token, project_id="p1"
    )
    caller.token_info = None  # so Keystone is asked what the token is
    template = factories.template(image_id="fedora-atomic-latest")
    Preflight(Sessions(cloud.conf, cloud.sessions._transport)).check(caller, template)
    for service in (cloud.keystone, cloud.glance, cloud.nova, cloud.neutron):
        assert service.calls
        assert {call.headers.get(HEADER) for call in service.calls} == {THEIRS}, service.url


def test_conductor_works_under_the_ids_of_the_request(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    bench.database.write(
        lambda session: session.query(Operation).update(
            {"request_id": OURS, "global_request_id": THEIRS}
        )
    )
    asked: list[Any] = []

    def note(call: str) -> None:
        if call != "list stacks":  # that is the bench, in place of the watch
            asked.append(oslo_context.get_current())

    bench.fakes.asked = note
    seen: list[Any] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(oslo_context.get_current())

    handler = Handler()
    logger = logging.getLogger("magnum.conductor")
    logger.addHandler(handler)
    with caplog.at_level(logging.INFO, "magnum.conductor"):
        bench.work()
    logger.removeHandler(handler)
    assert len(asked) > 5
    assert seen, "it says at least that it is done"
    for one in [*asked, *seen]:
        assert (one.request_id, one.global_request_id) == (OURS, THEIRS)
        assert (one.user_id, one.project_id) == (row.user_id, row.project_id)
        assert one.auth_token is None
    assert oslo_context.get_current() is None


def test_way_back_keeps_the_ids(bench: Bench) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    bench.work()
    bench.database.write(lambda session: factories.add_resize(session, row, 2, rollback=True))
    bench.database.write(
        lambda session: session.query(Operation).update({"global_request_id": THEIRS})
    )
    bench.work("FAILED")
    assert bench.operations()[-1].action == Action.ROLLBACK
    assert bench.operations()[-1].global_request_id == THEIRS


def test_calls_are_counted_by_what_became_of_them(cloud: FakeOpenStack) -> None:
    registry = instruments.enable(instruments.CONDUCTOR)
    _, session = cloud.tenant()
    neutron.ports_on_network(session, "n")
    troubles = (Answer(503, {}), Answer(403, {}), requests.ConnectionError("refused"))
    for cloud.neutron.trouble in troubles:
        with pytest.raises(MagnumError):
            neutron.ports_on_network(session, "n")
    instruments.disable()

    def calls(service: str, method: str, outcome: str) -> float | None:
        name = "magnum_client_request_duration_seconds_count"
        labels = {"service": service, "method": method, "outcome": outcome}
        found: float | None = registry.get_sample_value(name, labels)
        return found

    assert calls("keystone", "POST", "success") == 1
    for outcome in ("success", "error", "refused", "unanswered"):
        assert calls("neutron", "GET", outcome) == 1, outcome
