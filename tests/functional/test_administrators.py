# SPDX-License-Identifier: Apache-2.0
"""An administrator sees and ends what other projects have, those that are no more included."""

import dataclasses
import pathlib
import time
import uuid
from collections.abc import Iterator

import pytest

from deployment import installation
from deployment.client import Client, rows, table
from deployment.cloud import Cloud, User
from deployment.service import Deployment
from deployment.sessions import Session
from tests.functional.bays import PATIENCE, Bays

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def admin(deployment: Deployment) -> Bays:
    """The administrator of the cloud, who works in another project than all users."""
    return Bays(Session.of(deployment.cloud, deployment.cloud.user("admin")))


@pytest.fixture
def their_client(deployment: Deployment) -> Client:
    """The administrator at the oldest command line."""
    program = installation.client("2.1.0")
    return Client(program, deployment.cloud, deployment.cloud.user("admin"))


@pytest.fixture
def newcomer(cloud: Cloud, admin: Bays, demo: User) -> Iterator[User]:
    """A user with a keypair in a project of their own; the test may delete both."""
    keystone, name = admin.session, f"newcomer-{uuid.uuid4().hex[:8]}"
    project = {"name": name, "domain_id": "default"}
    project_id = keystone.call("POST", "identity", "/projects", {"project": project})["project"][
        "id"
    ]
    user = {"name": name, "domain_id": "default", "password": uuid.uuid4().hex}
    user_id = keystone.call("POST", "identity", "/users", {"user": user})["user"]["id"]
    (role,) = keystone.get("identity", "/roles?name=member")["roles"]
    grant = f"/projects/{project_id}/users/{user_id}/roles/{role['id']}"
    keystone.call("PUT", "identity", grant)
    made = dataclasses.replace(
        demo,
        name=name,
        password=user["password"],
        project=name,
        project_id=project_id,
        id=user_id,
    )
    private = pathlib.Path(cloud.facts["keypair"]["private_key"])
    keypair = {"name": "theirs", "public_key": private.with_suffix(".pub").read_text().strip()}
    Session.of(cloud, made).call("POST", "compute", "/os-keypairs", {"keypair": keypair})
    yield made
    _remove(admin.session, made)
    query = f"?project_id={made.project_id}"
    groups = keystone.get("network", f"/v2.0/security-groups{query}")["security_groups"]
    for group in groups:  # Neutron makes one for whoever comes, and keeps it
        keystone.call("DELETE", "network", f"/v2.0/security-groups/{group['id']}")


def _remove(admin: Session, user: User) -> None:
    """Delete a user and their project from Keystone; they may be gone."""
    for path in (f"/users/{user.id}", f"/projects/{user.project_id}"):
        assert admin.send("DELETE", "identity", path).status in (204, 404)


def test_administrator_sees_changes_and_deletes_the_bay_of_another_project(
    bays: Bays, model: str, admin: Bays, their_client: Client
) -> None:
    name = f"theirs-{uuid.uuid4().hex[:8]}"
    bay = bays.create(model, name=name)
    bays.wait_for(bay, "CREATE_COMPLETE")
    assert bay in {row["uuid"] for row in rows(their_client.run("bay-list"))}
    assert table(their_client.run("bay-show", name))["uuid"] == bay
    assert admin.send("GET", f"/certificates/{bay}").status == 404
    admin.resize(bay, 2)
    assert bays.wait_for(bay, "UPDATE_COMPLETE")["node_count"] == 2
    # This client ends with success whatever it prints about a deletion.
    assert "use the uuid to change one of another project" in their_client.run("bay-delete", name)
    their_client.run("bay-delete", bay)
    bays.wait_until_gone(bay)


def test_administrator_deletes_a_bay_whose_project_and_creator_are_gone(
    cloud: Cloud, newcomer: User, admin: Bays
) -> None:
    theirs = Bays(Session.of(cloud, newcomer))
    bay = theirs.create(theirs.create_model(keypair_id="theirs"))
    stack = theirs.wait_for(bay, "CREATE_COMPLETE")["stack_id"]
    _delete_stack(theirs.session, stack)
    _remove(admin.session, newcomer)
    listed = {row["uuid"] for row in admin.session.get("container-infra", "/bays")["bays"]}
    assert bay in listed
    admin.delete(bay)
    admin.wait_until_gone(bay)
    models = admin.session.get("container-infra", "/baymodels/detail")["baymodels"]
    for left in [row["uuid"] for row in models if row["keypair_id"] == "theirs"]:
        admin.session.call("DELETE", "container-infra", f"/baymodels/{left}")


def _delete_stack(session: Session, stack: str) -> None:
    """Delete a stack behind the service's back, as what is in a dead project cannot be reached."""
    (found,) = session.get("orchestration", f"/stacks?id={stack}")["stacks"]
    path = f"/stacks/{found['stack_name']}/{stack}"
    session.call("DELETE", "orchestration", path)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        reply = session.send("GET", "orchestration", path)
        if reply.status == 404 or reply.body["stack"]["stack_status"] == "DELETE_COMPLETE":
            return
        time.sleep(1)
    pytest.fail(f"stack {stack} was not deleted")
