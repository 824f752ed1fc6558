# SPDX-License-Identifier: Apache-2.0
"""The commands of the documentation, as they stand there."""

import configparser
import time
from collections.abc import Iterator, Mapping

import pytest

from deployment.cloud import Cloud, User
from deployment.service import Deployment
from deployment.sessions import Session
from tests import documented
from tests.functional import bus
from tests.functional.bays import SERVICE, Bays
from tests.functional.conftest import CLIENTS, Restart
from tests.functional.shell import Open, follow

NEWER_CLIENT = "newer-client"
TYPES = ("container-infra", "container")


@pytest.fixture
def swept(nothing_left: None, bays: Bays) -> Iterator[None]:
    """Removes what a page that was not followed to its end has made."""
    yield
    session = bays.session
    for bay in session.get(SERVICE, "/bays")["bays"]:
        if bay["name"] == "bay":
            bays.delete(bay["uuid"])
            bays.wait_until_gone(bay["uuid"])
    for model in session.get(SERVICE, "/baymodels")["baymodels"]:
        if model["name"] == "model":
            session.call("DELETE", SERVICE, f"/baymodels/{model['uuid']}")
    session.send("DELETE", "compute", "/os-keypairs/bay-key")


@pytest.mark.usefixtures("swept")
@pytest.mark.parametrize("client", CLIENTS)
def test_bay_lives_as_the_users_guide_tells(client: str, open_shell: Open, demo: User) -> None:
    without = NEWER_CLIENT if client == CLIENTS[0] else ""
    follow("user/life-of-a-bay.rst", open_shell(demo, client, {}), without)


@pytest.mark.usefixtures("nothing_left")
def test_bay_is_looked_into_as_the_page_on_troubles_tells(
    open_shell: Open, bays: Bays, model: str, demo: User
) -> None:
    bay = bays.create(model)
    bays.wait_for(bay, "CREATE_COMPLETE")
    values = {
        "BAY": bay,
        "TOKEN": bays.session.token,
        "ENDPOINT": bays.session.endpoints[SERVICE],
    }
    try:
        follow("admin/troubleshooting.rst", open_shell(demo, CLIENTS[1], values))
    finally:
        bays.delete(bay)
        bays.wait_until_gone(bay)


@pytest.fixture
def no_entry(deployment: Deployment) -> Iterator[User]:
    """The administrator of a cloud whose catalogue does not know the service meanwhile."""
    admin = deployment.cloud.user("admin")
    session = Session.of(deployment.cloud, admin)
    ours = [one for one in _services(session) if one["type"] in TYPES]
    for one in ours:
        _change(session, one, f"{one['type']}-aside")
    try:
        yield admin
    finally:
        for one in _services(session):
            if one["type"] in TYPES:
                session.call("DELETE", "identity", f"/services/{one['id']}")
        for one in ours:
            _change(session, one, one["type"])


def _services(session: Session) -> list[dict[str, str]]:
    return list(session.get("identity", "/services")["services"])


def _change(session: Session, service: Mapping[str, str], kind: str) -> None:
    session.call("PATCH", "identity", f"/services/{service['id']}", {"service": {"type": kind}})


def test_service_is_installed_as_the_page_tells(
    open_shell: Open, deployment: Deployment, no_entry: User
) -> None:
    cloud = deployment.cloud
    values = {
        "MAGNUM_URL": cloud.magnum_url,
        "REGION": cloud.facts["region"],
        "MAGNUM_PASSWORD": cloud.service_user.password,
        "TRUSTEE_PASSWORD": cloud.facts["trustee_domain"]["admin_password"],
    }
    follow("admin/installing.rst", open_shell(no_entry, CLIENTS[1], values))


@pytest.fixture
def topic(cloud: Cloud) -> Iterator[str]:
    """A topic whose queues are made anew, for a queue that is there keeps its kind."""
    name = f"{bus.TOPIC}-quorum"
    yield name
    bus.lose_queues(cloud, name)


def test_wake_ups_come_by_quorum_queues_with_the_options_of_the_page(
    deployment: Deployment, topic: str, restart: Restart, bays: Bays, model: str
) -> None:
    (block,) = [
        block
        for block in documented.blocks(documented.SOURCE / "admin/scaling-out.rst", "ini")
        if block.options.get("name") == "quorum"
    ]
    told = configparser.RawConfigParser()
    told.read_string(block.text)
    own = {"topic": topic, "sweep_interval": "60"}  # or the table would be looked into at once
    restart(
        {
            # An exchange that is there keeps its durability too.
            "DEFAULT": {"control_exchange": topic},
            "oslo_messaging_rabbit": dict(told["oslo_messaging_rabbit"]),
            "conductor": own,
        }
    )
    began = time.monotonic()
    bay = bays.create(model)
    bays.wait_for_event(bay, "Certificate authority is made", 90)
    seconds = time.monotonic() - began
    kinds = {name: kind for name, kind in bus.kinds(deployment.cloud).items() if topic in name}
    bays.delete(bay)
    bays.wait_until_gone(bay)
    assert seconds < 30
    assert set(kinds.values()) == {"quorum"}
    assert any("fanout" in name for name in kinds)
