# SPDX-License-Identifier: Apache-2.0
"""What operators learn of requests."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import webtest
from oslo_config import cfg
from oslo_context import context as oslo_context

from magnum.api import app
from magnum.metrics import instruments
from tests import factories
from tests.fakes.services import TokenGuard, World

OURS = "req-00000000-0000-4000-8000-00000000000a"
ALICE = {"HTTP_X_AUTH_TOKEN": "alice:blue"}


class Counted:
    """The API and what it has counted."""

    def __init__(self, api: webtest.TestApp, registry: Any) -> None:
        self.api = api
        self._registry = registry

    def requests(self, method: str, route: str, status: int) -> float | None:
        labels = {"method": method, "route": route, "status": str(status)}
        found: float | None = self._registry.get_sample_value("magnum_api_requests_total", labels)
        return found

    @property
    def all(self) -> dict[tuple[str, str, str], float]:
        return {
            (sample.labels["method"], sample.labels["route"], sample.labels["status"]): sample.value
            for family in self._registry.collect()
            for sample in family.samples
            if sample.name == "magnum_api_requests_total"
        }

    def seconds(self, method: str, route: str) -> float | None:
        name = "magnum_api_request_duration_seconds_count"
        labels = {"method": method, "route": route}
        found: float | None = self._registry.get_sample_value(name, labels)
        return found

    @property
    def in_flight(self) -> float | None:
        found: float | None = self._registry.get_sample_value("magnum_api_requests_in_flight")
        return found


@pytest.fixture
def counted(world: World, conf: cfg.ConfigOpts) -> Iterator[Counted]:
    conf.set_override("api_port", 9513, "metrics")
    api = webtest.TestApp(app.build(world.services, conf, TokenGuard), extra_environ=ALICE)
    yield Counted(api, instruments.enable(instruments.API))
    instruments.disable()


def test_requests_are_counted_by_the_template_of_their_route(counted: Counted) -> None:
    counted.api.get("/v1/bays/one", status=404)
    counted.api.get("/v1/bays/two/", status=404)
    counted.api.get("/bays")
    assert counted.requests("GET", "/v1/bays/{ident}", 404) == 2
    assert counted.requests("GET", "/v1/bays", 200) == 1
    assert counted.seconds("GET", "/v1/bays/{ident}") == 2
    assert counted.in_flight == 0


def test_nothing_a_caller_chooses_becomes_a_label(counted: Counted) -> None:
    counted.api.get("/nothing/at/all", status=404)
    counted.api.get("/v1/bays/x/y/z", status=404)
    counted.api.request("/v1/bays", method="TRACE", status=405)
    counted.api.request("/", environ={"PATH_INFO": "/v1/\xff\xfe"}, status=400)
    counted.api.get("/v1/bays", extra_environ={"HTTP_X_AUTH_TOKEN": ""}, status=401)
    counted.api.get("/healthcheck")
    assert counted.all == {
        ("GET", "none", "404"): 2,
        ("other", "/v1/bays", "405"): 1,
        ("GET", "none", "400"): 1,
        ("GET", "/v1/bays", "401"): 1,
        ("GET", "/healthcheck", "200"): 1,
    }


def test_failure_is_counted_as_what_the_caller_got(
    counted: Counted, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def fail(*_: object) -> None:
        seen.append(counted.in_flight)
        raise RuntimeError

    monkeypatch.setattr(world.services.clusters.__class__, "page", fail)
    counted.api.get("/v1/bays", status=500)
    assert counted.requests("GET", "/v1/bays", 500) == 1
    assert seen == [1]
    assert counted.in_flight == 0


def test_nobody_is_in_the_way_when_nobody_wants_to_know(world: World, conf: cfg.ConfigOpts) -> None:
    built = app.build(world.services, conf, TokenGuard)
    assert type(built).__name__ == "RequestId"


@pytest.mark.parametrize("path", ["/v1/bays", "/v1/nothing", "/"])
def test_ids_of_a_request_are_the_threads_before_anything_is_done(
    world: World, conf: cfg.ConfigOpts, path: str
) -> None:
    seen: list[Any] = []

    def guard(inner: Any, guarded_conf: cfg.ConfigOpts) -> Any:
        genuine = TokenGuard(inner, guarded_conf)

        def look(environ: dict[str, Any], start: Any) -> Any:
            seen.append(oslo_context.get_current())
            return genuine(environ, start)

        return look

    api = webtest.TestApp(app.build(world.services, conf, guard), extra_environ=ALICE)
    answer = api.get(path, headers={"X-OpenStack-Request-Id": OURS}, expect_errors=True)
    given = answer.headers["x-openstack-request-id"]
    current: Any = oslo_context.get_current()
    for context in [*seen, current]:
        assert (context.request_id, context.global_request_id) == (given, OURS)
    assert given != OURS
    api.get(path, headers={"X-OpenStack-Request-Id": "gotcha\tid"}, expect_errors=True)
    after: Any = oslo_context.get_current()
    assert after.global_request_id is None, "one that is no id is no id, and none is left over"


def test_operation_records_both_ids(api: webtest.TestApp, world: World) -> None:
    model = {**factories.BAYMODEL, "flavor_id": "m1.small"}
    made = api.post_json("/v1/baymodels", model)
    body = {"baymodel_id": made.json["uuid"], "node_count": 1}
    answer = api.post_json("/v1/bays", body, headers={"X-OpenStack-Request-Id": OURS})
    row = world.database.read(_only_operation)
    assert row.request_id == answer.headers["x-openstack-request-id"]
    assert row.global_request_id == OURS


def _only_operation(session: Any) -> Any:
    from sqlalchemy import select

    from magnum.db.models import Operation

    return session.scalars(select(Operation)).one()


def test_log_lines_have_the_ids(
    api: webtest.TestApp, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from oslo_log import formatters

    lines = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    config = cfg.ConfigOpts()
    from oslo_log import log

    log.register_options(config)
    config([], default_config_files=[])
    handler = Lines()
    handler.setFormatter(formatters.ContextFormatter(project="magnum", version="", config=config))
    logger = logging.getLogger("magnum.api.faults")
    logger.addHandler(handler)

    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(world.services.clusters.__class__, "page", fail)
    answer = api.get("/v1/bays", headers={"X-OpenStack-Request-Id": OURS}, status=500)
    logger.removeHandler(handler)
    assert f"[{OURS} {answer.headers['x-openstack-request-id']} alice" in lines[0]
