# SPDX-License-Identifier: Apache-2.0
import pytest

from magnum.clients.errors import Clash, Missing
from magnum.clients.keystone import Keystone, ProjectGone
from magnum.core.errors import Unavailable
from tests.fakes.http import Answer
from tests.fakes.keystone import SERVICE_PROJECT, TRUSTEE_DOMAIN


@pytest.fixture
def keystone(cloud) -> Keystone:
    return Keystone(cloud.sessions)


def test_a_grant_can_be_repeated(cloud, keystone):
    project_id = cloud.keystone.add_project()
    for _ in range(2):
        keystone.grant_service_user(project_id)
    assert (project_id, cloud.keystone.service_user, "member") in cloud.keystone.grants
    assert cloud.keystone.count("GET", "/roles") == 1


def test_after_a_grant_we_log_in_anew(cloud, keystone):
    project_id = cloud.keystone.add_project()
    keystone.grant_service_user(project_id)
    session = cloud.sessions.service(project_id)
    before = session.get_token()
    assert session.get_token() == before
    keystone.grant_service_user(project_id)
    assert session.get_token() != before


def test_a_grant_in_a_project_that_is_gone_says_so(keystone):
    with pytest.raises(ProjectGone, match="Could not find project"):
        keystone.grant_service_user("nowhere")


def test_a_role_made_anew_is_not_taken_for_a_project_that_is_gone(cloud, keystone):
    project_id = cloud.keystone.add_project()
    keystone.grant_service_user(project_id)
    cloud.keystone.roles["member"] = "role-made-anew"
    with pytest.raises(Missing, match="Could not find role") as caught:
        keystone.grant_service_user(project_id)
    assert not isinstance(caught.value, ProjectGone)
    keystone.grant_service_user(project_id)  # and the next time its new id is known


def test_a_role_that_does_not_exist_is_named(cloud, keystone):
    cloud.conf.set_override("roles", ["wizard"], "trust")
    with pytest.raises(Missing, match="there is no role wizard") as caught:
        keystone.grant_service_user(cloud.keystone.add_project())
    assert not isinstance(caught.value, ProjectGone)


def test_a_grant_is_taken_back_once_and_again(cloud, keystone):
    project_id, _ = cloud.tenant()
    for _ in range(2):
        keystone.revoke_service_user(project_id)
    assert not [grant for grant in cloud.keystone.grants if grant[0] == project_id]


def test_nothing_is_taken_back_in_our_own_project(cloud, keystone):
    cloud.keystone.grants.add((SERVICE_PROJECT, cloud.keystone.service_user, "member"))
    keystone.revoke_service_user(SERVICE_PROJECT)
    assert (SERVICE_PROJECT, cloud.keystone.service_user, "member") in cloud.keystone.grants


def test_a_node_user_is_made_in_the_trustee_domain_without_any_role(cloud, keystone):
    user_id = keystone.ensure_node_user("n", "secret", "Master nodes of k1")
    user = cloud.keystone.users[user_id]
    assert user["domain_id"] == TRUSTEE_DOMAIN
    assert user["description"] == "Master nodes of k1"
    assert user["options"]["lock_password"]
    assert user["options"]["ignore_password_expiry"]
    assert user["options"]["ignore_lockout_failure_attempts"]
    assert not [grant for grant in cloud.keystone.grants if grant[1] == user_id]


def test_a_node_user_that_is_there_gets_the_password(cloud, keystone):
    first = keystone.ensure_node_user("n", "old", "")
    assert keystone.ensure_node_user("n", "new", "") == first
    assert cloud.keystone.users[first]["password"] == "new"


def test_a_node_user_made_by_another_at_the_same_time_is_adopted(cloud, keystone):
    genuine = cloud.keystone._create_user

    def overtaken(call):
        genuine(call)
        return Answer(409, {"error": {"message": "duplicate"}})

    routes = cloud.keystone.routes
    cloud.keystone.routes = [("POST", "/v3/users", overtaken), *routes]
    user_id = keystone.ensure_node_user("n", "p", "")
    assert cloud.keystone.users[user_id]["name"] == "n"


def test_a_name_taken_where_we_cannot_see_is_a_clash(cloud, keystone):
    clash = ("POST", "/v3/users", lambda call: Answer(409, {"error": {"message": "taken"}}))
    cloud.keystone.routes.insert(0, clash)
    with pytest.raises(Clash, match="taken"):
        keystone.ensure_node_user("n", "p", "")


def test_a_node_user_is_deleted_once_and_again(cloud, keystone):
    user_id = keystone.ensure_node_user("n", "p", "")
    for _ in range(2):
        keystone.delete_node_user("n")
    assert user_id not in cloud.keystone.users


def test_a_node_user_whose_id_is_known_is_deleted_where_no_search_finds_it(cloud, keystone):
    user_id = keystone.ensure_node_user("n", "p", "")
    other = keystone.ensure_node_user("o", "p", "")
    cloud.keystone.routes.insert(0, ("GET", "/v3/users", lambda _call: {"users": []}))
    for _ in range(2):
        keystone.delete_node_user("n", user_id)
    assert user_id not in cloud.keystone.users
    assert other in cloud.keystone.users


def test_a_node_user_that_was_made_twice_is_deleted_by_its_name_as_well(cloud, keystone):
    user_id = keystone.ensure_node_user("n", "p", "")
    keystone.delete_node_user("n", "of-one-who-has-gone")
    assert user_id not in cloud.keystone.users


def test_the_trustee_domain_may_be_given_by_name(cloud, keystone):
    cloud.conf.set_override("trustee_domain_id", None, "trust")
    cloud.conf.set_override("trustee_domain_name", "magnum", "trust")
    cloud.conf.set_override("trustee_domain_admin_id", cloud.keystone.domain_admin, "trust")
    user_id = keystone.ensure_node_user("n", "p", "")
    assert cloud.keystone.users[user_id]["domain_id"] == TRUSTEE_DOMAIN


def test_nodes_get_public_urls(cloud, keystone):
    cloud.conf.set_override("endpoint_type", "internalURL", "keystone_client")
    assert keystone.auth_url() == "http://keystone.test/v3"
    assert keystone.magnum_url() == "http://magnum.test:9511/v1"


def test_the_old_catalogue_type_serves_too(cloud, keystone):
    cloud.keystone.catalog["container"] = cloud.keystone.catalog.pop("container-infra")
    assert keystone.magnum_url() == "http://magnum.test:9511/v1"


def test_our_url_may_be_configured(cloud, keystone):
    cloud.conf.set_override("endpoint_override", "https://m.test", "magnum_client")
    assert keystone.magnum_url() == "https://m.test/v1"


def test_no_public_url_is_unavailable_until_there_is_one(cloud, keystone):
    url = cloud.keystone.catalog.pop("container-infra")
    with pytest.raises(Unavailable, match="no public endpoint of type container-infra"):
        keystone.magnum_url()
    cloud.keystone.catalog["container-infra"] = url
    assert keystone.magnum_url() == "http://magnum.test:9511/v1"


@pytest.mark.parametrize("verb", ["auth_url", "magnum_url"])
def test_keystone_down_is_unavailable(cloud, keystone, verb):
    cloud.keystone.trouble = Answer(500)
    with pytest.raises(Unavailable):
        getattr(keystone, verb)()
