# SPDX-License-Identifier: Apache-2.0
"""The checks before anything is written, over the HTTP of all services."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from magnum.clients.sessions import Sessions
from magnum.context import RequestContext
from magnum.core import errors
from magnum.db.models import ClusterTemplate
from magnum.service.preflight import CHECKS_A_SERVICE, Preflight, _Asked
from tests import factories
from tests.fakes.http import Answer, FakeService
from tests.fakes.openstack import FakeOpenStack

SOON = 0.5
"""Seconds the checks may take where something hangs."""


@pytest.fixture
def cloud() -> Iterator[FakeOpenStack]:
    made = FakeOpenStack()
    yield made
    for service in _services(made):
        service.answering.set()


def _services(cloud: FakeOpenStack) -> tuple[FakeService, ...]:
    return cloud.keystone, cloud.glance, cloud.nova, cloud.neutron


@pytest.fixture
def context(cloud: FakeOpenStack) -> RequestContext:
    """A caller whom the token middleware has told all about."""
    token = cloud.keystone.issue(cloud.keystone.service_user, "p1")
    context = RequestContext(auth_token=token)
    context.token_info = cloud.keystone.tokens[token]
    return context


@pytest.fixture
def preflight(cloud: FakeOpenStack) -> Preflight:
    return Preflight(cloud.sessions)


def hasty(sessions: Sessions) -> Preflight:
    made = Preflight(sessions)
    made._seconds = SOON
    return made


def template(**values: str | int | None) -> ClusterTemplate:
    return factories.template(image_id="fedora-atomic-latest", **values)


def test_checks_ask_once_for_each_thing_and_never_what_is_known(
    cloud: FakeOpenStack, preflight: Preflight, context: RequestContext
) -> None:
    found = preflight.check(context, template(master_flavor_id="m1.nano"))
    assert (found.os_distro, found.ssh_public_key) == ("fedora-atomic", "ssh-ed25519 AAAA test")
    asked = [f"{call.method} {call.path}" for one in _services(cloud) for call in one.calls]
    assert sorted(asked) == [
        "GET /v2.0/networks",
        "GET /v2.1/flavors",
        "GET /v2.1/os-keypairs/testkey",
        "GET /v2/images",
        "GET /v2/schemas/image",  # glanceclient's own question
    ]
    tokens = {call.headers["X-Auth-Token"] for one in _services(cloud) for call in one.calls}
    assert tokens == {context.auth_token}


def test_what_a_template_does_not_name_is_not_asked_for(
    cloud: FakeOpenStack, preflight: Preflight, context: RequestContext
) -> None:
    bare = template(flavor_id=None, keypair_id=None, external_network_id=None)
    assert preflight.check(context, bare).ssh_public_key is None
    asked = [service for service in _services(cloud) if service.calls]
    assert asked == [cloud.glance]


def test_network_of_2015_is_made_by_us_and_looked_up_nowhere(
    cloud: FakeOpenStack, preflight: Preflight, context: RequestContext
) -> None:
    preflight.check(context, template(fixed_network="192.168.0.0/24"))
    assert cloud.neutron.count("GET") == 1


def test_network_by_a_mask_is_no_cidr_and_no_network_that_is_there(
    preflight: Preflight, context: RequestContext
) -> None:
    with pytest.raises(errors.ReferencedMissing, match=r"^fixed_network is .* new one's CIDR"):
        preflight.check(context, template(fixed_network="10.0.0.0/0.0.0.255"))


@pytest.mark.parametrize(
    ("field", "kind", "code"),
    [
        ("image_id", errors.ReferencedMissing, 400),
        ("flavor_id", errors.ReferencedMissing, 400),
        ("master_flavor_id", errors.ReferencedMissing, 400),
        ("keypair_id", errors.KeypairNotFound, 404),
        ("external_network_id", errors.ReferencedMissing, 400),
        ("fixed_network", errors.ReferencedMissing, 400),
    ],
)
def test_what_is_missing_is_named_with_its_field(
    preflight: Preflight,
    context: RequestContext,
    field: str,
    kind: type[errors.MagnumError],
    code: int,
) -> None:
    with pytest.raises(kind, match=f"^{field} is 'nope' but must be") as caught:
        preflight.check(
            context, factories.template(**{"image_id": "fedora-atomic-latest", field: "nope"})
        )
    assert caught.value.code == code


def test_fixed_subnet_is_looked_up_in_its_network(
    preflight: Preflight, context: RequestContext
) -> None:
    preflight.check(context, template(fixed_network="private", fixed_subnet="private-subnet"))
    with pytest.raises(errors.ReferencedMissing, match=r"^fixed_subnet is"):
        preflight.check(context, template(fixed_network="public", fixed_subnet="private-subnet"))


@pytest.mark.parametrize("kind", [None, "volumev3", "block-storage"])
def test_cluster_with_volumes_needs_a_volume_service_and_its_template_does_not(
    cloud: FakeOpenStack, preflight: Preflight, context: RequestContext, kind: str | None
) -> None:
    if kind:
        cloud.keystone.catalog[kind] = "http://cinder.test/v3/%(project_id)s"
        token = cloud.keystone.issue(cloud.keystone.service_user, "p1")
        context.token_info = cloud.keystone.tokens[token]
    wanting, plain = template(docker_volume_size=5), template()
    preflight.check(context, wanting)
    preflight.check(context, plain, of_cluster=True)
    if kind:
        preflight.check(context, wanting, of_cluster=True)
        return
    with pytest.raises(errors.InvalidField, match=r"^docker_volume_size is 5 but .* no volume"):
        preflight.check(context, wanting, of_cluster=True)


def test_volume_service_may_be_named_by_the_operator(
    cloud: FakeOpenStack, preflight: Preflight, context: RequestContext
) -> None:
    cloud.conf.set_override("endpoint_override", "http://cinder.test/v3", "cinder_client")
    preflight.check(context, template(docker_volume_size=5), of_cluster=True)


@pytest.mark.parametrize("trouble", [Answer(503), Answer(500), requests.ConnectionError("no")])
@pytest.mark.parametrize("name", ["keystone", "glance", "nova", "neutron"])
def test_service_that_is_down_is_named(
    cloud: FakeOpenStack, preflight: Preflight, context: RequestContext, name: str, trouble: object
) -> None:
    context.token_info = None  # so that Keystone has to be asked
    getattr(cloud, name).trouble = trouble
    _expect_unavailable(preflight, context, name.capitalize())


@pytest.mark.parametrize("name", ["keystone", "glance", "nova", "neutron"])
def test_service_that_hangs_is_named_in_time(
    cloud: FakeOpenStack, context: RequestContext, name: str
) -> None:
    if name == "keystone":
        context.token_info = None  # or it would not be asked
    getattr(cloud, name).answering.clear()
    began = time.monotonic()
    _expect_unavailable(hasty(cloud.sessions), context, name.capitalize())
    assert SOON <= time.monotonic() - began < 20 * SOON


def _expect_unavailable(preflight: Preflight, context: RequestContext, name: str) -> None:
    with pytest.raises(errors.Unavailable, match=f"^{name} does not answer") as caught:
        preflight.check(context, template())
    assert caught.value.retry_after


def test_what_is_missing_is_told_without_waiting_for_who_hangs(
    cloud: FakeOpenStack, preflight: Preflight, context: RequestContext
) -> None:
    cloud.neutron.answering.clear()
    with pytest.raises(errors.KeypairNotFound):
        preflight.check(context, template(keypair_id="nope"))


def test_question_to_keystone_that_found_no_thread_is_dropped(
    cloud: FakeOpenStack, context: RequestContext
) -> None:
    cloud.conf.set_override("threads", 1, "api")
    preflight, asked = hasty(cloud.sessions), list[_Asked]()
    context.token_info = None
    cloud.keystone.answering.clear()
    genuine = preflight._start

    def start(service: str, check: Callable[[], Any]) -> _Asked:
        asked.append(genuine(service, check))
        return asked[-1]

    preflight._start = start
    for _ in range(CHECKS_A_SERVICE + 1):
        _expect_unavailable(preflight, context, "Keystone")
    assert [one.future.cancelled() for one in asked] == [False] * CHECKS_A_SERVICE + [True]


def test_service_that_hangs_holds_few_threads_and_nobody_elses(
    cloud: FakeOpenStack, context: RequestContext
) -> None:
    cloud.conf.set_override("threads", 1, "api")
    preflight, most, before = hasty(cloud.sessions), CHECKS_A_SERVICE, set(threading.enumerate())
    cloud.nova.answering.clear()
    for _ in range(most + 1):
        _expect_unavailable(preflight, context, "Nova")
    new = [one.name for one in threading.enumerate() if one not in before]
    assert sum(name.startswith("check-Nova") for name in new) == most
    assert (cloud.glance.count("GET", "/images"), cloud.nova.count("GET")) == (most + 1, most)
    cloud.nova.answering.set()
    preflight._seconds = 60.0
    preflight.check(context, template())
    assert cloud.nova.count("GET") == most + 2, "checks of requests that are over were made"
