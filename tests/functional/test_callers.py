# SPDX-License-Identifier: Apache-2.0
"""Nothing of a bay depends on the token or the account of who asked for it."""

import dataclasses
import pathlib
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from deployment.cloud import Cloud, User
from deployment.sessions import Session
from tests.functional.bays import Bays

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def admin(cloud: Cloud) -> Session:
    return Session.of(cloud, cloud.user("admin"))


@pytest.fixture
def guest(cloud: Cloud, admin: Session, demo: User) -> Iterator[User]:
    """A user of the project demo with a keypair, who lives as long as the test."""
    name = f"guest-{uuid.uuid4().hex[:8]}"
    body = {"name": name, "password": uuid.uuid4().hex, "domain_id": "default"}
    made = admin.call("POST", "identity", "/users", {"user": body})["user"]
    (role,) = admin.get("identity", "/roles?name=member")["roles"]
    grant = f"/projects/{demo.project_id}/users/{made['id']}/roles/{role['id']}"
    admin.call("PUT", "identity", grant)
    user = dataclasses.replace(demo, name=name, password=body["password"], id=made["id"])
    private = pathlib.Path(cloud.facts["keypair"]["private_key"])
    public = private.with_suffix(".pub").read_text().strip()
    keypair = {"keypair": {"name": "guestkey", "public_key": public}}
    Session.of(cloud, user).call("POST", "compute", "/os-keypairs", keypair)
    yield user
    admin.call("DELETE", "identity", f"/users/{made['id']}")


def _bay_of(session: Session, quick: dict[str, Any]) -> tuple[Bays, str]:
    """Ask for a bay with a baymodel of one's own."""
    mine = Bays(session)
    return mine, mine.create(mine.create_model(keypair_id="guestkey", **quick))


def test_bay_is_made_when_the_token_is_revoked(
    cloud: Cloud, guest: User, bays: Bays, quick: dict[str, Any]
) -> None:
    session = Session.of(cloud, guest)
    _, bay = _bay_of(session, quick)
    session.call("DELETE", "identity", "/auth/tokens", X_Subject_Token=session.token)
    bays.wait_for(bay, "CREATE_COMPLETE")
    again = Bays(Session.of(cloud, guest))
    again.delete(bay)
    again.session.call("DELETE", "identity", "/auth/tokens", X_Subject_Token=again.session.token)
    bays.wait_until_gone(bay)


def test_bay_is_made_and_changed_and_deleted_when_its_creator_is_disabled(
    cloud: Cloud, admin: Session, guest: User, bays: Bays, quick: dict[str, Any]
) -> None:
    _, bay = _bay_of(Session.of(cloud, guest), quick)
    admin.call("PATCH", "identity", f"/users/{guest.id}", {"user": {"enabled": False}})
    bays.wait_for(bay, "CREATE_COMPLETE")
    bays.resize(bay, 2)
    bays.wait_for(bay, "UPDATE_COMPLETE")
    bays.delete(bay)
    bays.wait_until_gone(bay)


def _application_credential(cloud: Cloud, user: User) -> Session:
    """Log in with an application credential, which may neither make trusts nor change roles."""
    session = Session.of(cloud, user)
    path = f"/users/{user.id}/application_credentials"
    made: dict[str, Any] = session.call(
        "POST", "identity", path, {"application_credential": {"name": "robot"}}
    )["application_credential"]
    proof = {"id": made["id"], "secret": made["secret"]}
    return Session(
        cloud.auth_url, {"methods": ["application_credential"], "application_credential": proof}
    )


def test_application_credential_suffices(cloud: Cloud, guest: User, quick: dict[str, Any]) -> None:
    robot, bay = _bay_of(_application_credential(cloud, guest), quick)
    robot.wait_for(bay, "CREATE_COMPLETE")
    robot.resize(bay, 2)
    robot.wait_for(bay, "UPDATE_COMPLETE")
    robot.delete(bay)
    robot.wait_until_gone(bay)
