# SPDX-License-Identifier: Apache-2.0
"""Certificates over HTTP when their store is silent, whichever store it is."""

import dataclasses
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import webtest
from oslo_config import cfg

from magnum.api import app
from magnum.certs import manager
from magnum.certs.manager import CachingStore
from magnum.db.session import Database
from magnum.service.certificates import Certificates
from tests import factories
from tests.fakes.services import TokenGuard, World
from tests.unit.certs import shelves
from tests.unit.certs.shelves import BUNDLE, Shelf

BAY = "b1"
CSR = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"


@pytest.fixture(params=shelves.KINDS)
def shelf(
    request: pytest.FixtureRequest, conf: cfg.ConfigOpts, keys: object, database: Database
) -> Iterator[Shelf]:
    with closing(shelves.make(request.param, conf)) as shelf:
        yield shelf


class Desk:
    """The API of a process that has not asked the store for anything yet."""

    def __init__(self, world: World, conf: cfg.ConfigOpts, shelf: Shelf) -> None:
        sessions: Any = None
        ref, _ = shelf.open().ensure(manager.ca_name(BAY), lambda: BUNDLE)
        factories.add_cluster(
            world.database, name=BAY, project_id="blue", user_id="alice", ca_cert_ref=ref
        )
        self.store = CachingStore(shelf.open(), 300)
        certificates = Certificates(conf, world.database, sessions, self.store)
        services = dataclasses.replace(world.services, certificates=certificates)
        built = app.build(services, conf, TokenGuard)
        self._api = webtest.TestApp(built, extra_environ={"HTTP_X_AUTH_TOKEN": "alice:blue"})

    def show(self) -> webtest.TestResponse:
        return self._api.get(f"/v1/certificates/{BAY}", expect_errors=True)

    def sign(self) -> webtest.TestResponse:
        body = {"bay_uuid": BAY, "csr": CSR}
        return self._api.post_json("/v1/certificates", body, expect_errors=True)


@pytest.fixture
def desk(world: World, conf: cfg.ConfigOpts, shelf: Shelf) -> Desk:
    return Desk(world, conf, shelf)


def test_silent_store_is_a_503_that_names_it_and_says_when_to_try_again(
    desk: Desk, shelf: Shelf
) -> None:
    shelf.fall_silent()
    for answer in (desk.show(), desk.sign()):
        assert answer.status_int == 503
        assert answer.headers["Retry-After"] == "5"
        (error,) = answer.json["errors"]
        assert error["title"].startswith(f"{shelf.name} does not answer, try again later")
        assert "/" not in error["detail"], "a path or an address of the inside"


def test_what_was_fetched_before_is_still_shown(desk: Desk, shelf: Shelf) -> None:
    assert desk.show().json["pem"] == BUNDLE.certificate_pem
    shelf.fall_silent()
    assert desk.show().json["pem"] == BUNDLE.certificate_pem


def test_certificate_that_its_store_has_lost_is_a_404_that_says_so(
    desk: Desk, shelf: Shelf
) -> None:
    shelf.open().delete(manager.ca_name(BAY))
    answer = desk.show()
    assert answer.status_int == 404
    assert "has no such certificate" in answer.json["errors"][0]["title"]
