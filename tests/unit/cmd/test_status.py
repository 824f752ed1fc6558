# SPDX-License-Identifier: Apache-2.0
"""Every check of magnum-status, content and not, and what the program prints of it."""

import json
import pathlib
import sys
from collections.abc import Callable
from datetime import timedelta

import pytest
from oslo_config import cfg
from oslo_upgradecheck.upgradecheck import Code, Result
from requests.exceptions import ConnectionError as NoConnection

from magnum.certs import sealing
from magnum.cmd import checks, options, status
from magnum.cmd.checks import CHECKS, Site
from magnum.db import migrate
from magnum.db.session import Database
from magnum.rpc import transport
from tests.fakes.http import Answer
from tests.fakes.keystone import SERVICE_PROJECT, error
from tests.fakes.openstack import FakeOpenStack

Break = Callable[[FakeOpenStack], None]

pytestmark = pytest.mark.kinds("mariadb-utf8mb4")  # what is asked of it is the same row each time

SECRETS = ("servicepass", "domainpass", "brokerpass")


@pytest.fixture
def cloud() -> FakeOpenStack:
    """A cloud in which all is well."""
    from oslo_messaging._metrics import client as _metrics  # after ours has barred eventlet
    from oslo_messaging._tracing import client as _tracing

    cloud = FakeOpenStack()
    cloud.heat.hasty = {
        "CREATE": ("CREATE_COMPLETE", ""),
        "DELETE": ("DELETE_COMPLETE", ""),
    }
    transport.open_transport(cloud.conf).cleanup()  # registers the option
    # The library does so on cfg.CONF alone.
    cloud.conf.register_opts(_metrics.oslo_messaging_metrics, "oslo_messaging_metrics")
    cloud.conf.register_opts(_tracing.oslo_messaging_tracing, "oslo_messaging_tracing")
    cloud.conf.set_override("transport_url", "fake://magnum:brokerpass@broker.test//")
    return cloud


@pytest.fixture
def site(cloud: FakeOpenStack, database: Database) -> Site:
    migrate.stamp(database.engine, "head")
    return Site(cloud.conf, cloud.sessions, database, pause=lambda _seconds: None)


def run(name: str, site: Site) -> Result:
    (check,) = (check for check in CHECKS if check.name == name)
    result = status.outcome(check, site)
    assert result.details
    assert not any(secret in result.details for secret in SECRETS)
    return result


@pytest.mark.parametrize("name", [check.name for check in CHECKS])
def test_check_of_a_good_site_succeeds_and_leaves_nothing(
    site: Site, cloud: FakeOpenStack, name: str
) -> None:
    users, grants = dict(cloud.keystone.users), set(cloud.keystone.grants)
    result = run(name, site)
    assert result.code is Code.SUCCESS, result.details
    assert (cloud.keystone.users, cloud.keystone.grants) == (users, grants)
    assert not cloud.barbican.secrets
    assert all(s["stack_status"] == "DELETE_COMPLETE" for s in cloud.heat.stacks.values())


def test_checks_have_asked_for_what_they_say(site: Site, cloud: FakeOpenStack) -> None:
    for check in CHECKS:
        assert status.outcome(check, site).code is Code.SUCCESS
    assert cloud.keystone.count("PUT", f"/projects/{SERVICE_PROJECT}/users/.*/roles/role-admin")
    assert cloud.keystone.count("POST", "/users") == cloud.keystone.count("DELETE", "/users/") == 1
    assert cloud.barbican.count("POST", "/secrets") == 1
    assert cloud.barbican.count("GET", "/payload") == 1
    (stack,) = cloud.heat.stacks.values()
    assert stack["project"] == SERVICE_PROJECT


def catalogue(**urls: str) -> Break:
    def change(cloud: FakeOpenStack) -> None:
        del cloud.keystone.catalog["container-infra"]
        cloud.keystone.catalog |= {kind.replace("_", "-"): url for kind, url in urls.items()}

    return change


def option(group: str | None, name: str, value: object) -> Break:
    return lambda cloud: cloud.conf.set_override(name, value, group)


def heat(action: str, stack_status: str) -> Break:
    return lambda cloud: cloud.heat.hasty.update({action: (stack_status, "Domain is not there")})


def trouble(service: str, answer: Answer | Exception, where: str = ".*") -> Break:
    def change(cloud: FakeOpenStack) -> None:
        fake = getattr(cloud, service)
        fake.trouble, fake.troubled = answer, where

    return change


def no_admin(cloud: FakeOpenStack) -> None:
    """Keystone as it answers a user who may not grant."""
    forbidden = error(403, "You are not authorized to perform: identity:create_grant.")
    cloud.keystone.routes = [
        (method, path, (lambda *_: forbidden) if method == "PUT" else handler)
        for method, path, handler in cloud.keystone.routes
    ]


AWAY = NoConnection("no route")
SILENT = Answer(503, {"error": {"message": "down"}})


@pytest.mark.parametrize(
    ("name", "broken", "words"),
    [
        ("Service user", option("keystone_authtoken", "password", "x"), "[keystone_authtoken]"),
        ("Service user", option("keystone_authtoken", "auth_type", None), "[keystone_authtoken]"),
        ("Service user", option("keystone_authtoken", "project_name", None), "project_name"),
        ("Service user", trouble("keystone", AWAY), "Keystone does not answer"),
        ("Roles for the service user", no_admin, "openstack role add"),
        ("Roles for the service user", option("trust", "roles", ["wizard"]), "no role wizard"),
        ("Roles for the service user", option("trust", "roles", []), "[trust] roles is empty"),
        (
            "Trustee domain",
            option("trust", "trustee_domain_admin_password", "x"),
            "options of [trust]",
        ),
        (
            "Trustee domain",
            trouble("keystone", error(403, "Not authorized: identity:create_user."), "/users"),
            "openstack role add --domain",
        ),
        ("Heat's stack domain", heat("CREATE", "CREATE_FAILED"), "stack_user_domain_id"),
        ("Heat's stack domain", heat("CREATE", "CREATE_FAILED"), "Domain is not there"),
        ("Heat's stack domain", trouble("heat", AWAY), "See that Heat runs"),
        ("Heat's stack domain", trouble("heat", Answer(403, {})), "make stacks"),
        ("Certificate store", trouble("barbican", SILENT), "that Barbican runs"),
        ("Certificate store", trouble("barbican", Answer(403, {}), "/secrets"), "role creator"),
        (
            "Certificate store",
            option("certificates", "cert_manager_type", "castellan"),
            "must be one of barbican",
        ),
        ("Catalogue", catalogue(), "http://controller:9511/v1"),
        ("Catalogue", catalogue(container_infra="http://m:9511"), "--url http://m:9511/v1"),
        ("Catalogue", catalogue(container="http://u:brokerpass@m:9511/"), "type container is"),
        (
            "Message broker",
            option(None, "transport_url", "nosuch://magnum:brokerpass@b.test//"),
            "Check [DEFAULT] transport_url",
        ),
        (
            "Message broker",
            option(None, "transport_url", "rabbit://magnum:brokerpass@b.test:none//"),
            "Check [DEFAULT] transport_url",
        ),
    ],
)
def test_what_the_service_cannot_work_with_is_a_failure_with_its_fix(
    site: Site, cloud: FakeOpenStack, name: str, broken: Break, words: str
) -> None:
    broken(cloud)
    result = run(name, site)
    assert result.code is Code.FAILURE
    assert words in str(result.details)


@pytest.mark.parametrize(
    ("name", "broken", "words"),
    [
        ("Heat's stack domain", heat("DELETE", "DELETE_FAILED"), "Delete it by hand"),
        ("Drivers", option("cluster", "enabled_definitions", ["all", "nomad"]), "names nomad,"),
        (
            "Clocks",
            lambda cloud: setattr(cloud.keystone, "ahead", timedelta(minutes=-5)),
            "300 s apart",
        ),
    ],
)
def test_what_needs_a_look_is_a_warning(
    site: Site, cloud: FakeOpenStack, name: str, broken: Break, words: str
) -> None:
    broken(cloud)
    result = run(name, site)
    assert result.code is Code.WARNING
    assert words in str(result.details)


def test_no_driver_enabled_is_a_failure(site: Site, cloud: FakeOpenStack) -> None:
    cloud.conf.set_override("enabled_definitions", [], "cluster")
    assert "enables no driver" in str(run("Drivers", site).details)


def test_role_that_is_only_lent_is_given_and_taken_back(site: Site, cloud: FakeOpenStack) -> None:
    cloud.keystone.trouble, cloud.keystone.troubled = Answer(404), "/roles/role-admin$"
    grants = set(cloud.keystone.grants)
    assert run("Roles for the service user", site).code is Code.SUCCESS
    assert cloud.keystone.count("PUT", "role-member") == 1
    assert cloud.keystone.count("DELETE", "role-member") == 1
    assert cloud.keystone.grants == grants


def test_heat_that_takes_too_long_is_not_waited_for(
    site: Site, cloud: FakeOpenStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "HEAT_SECONDS", 0.05)
    cloud.heat.hasty = {}
    result = run("Heat's stack domain", site)
    assert result.code is Code.FAILURE
    assert cloud.heat.count("DELETE") == 1


def test_schema_is_compared_with_this_release(
    cloud: FakeOpenStack, empty_database: Database
) -> None:
    engine = empty_database.engine
    migrate.upgrade(engine)
    site = Site(cloud.conf, cloud.sessions, empty_database)
    assert run("Database schema", site).code is Code.SUCCESS
    migrate.stamp(engine, "0002")
    behind = run("Database schema", site)
    assert behind.code is Code.FAILURE
    assert "at revision 0002" in str(behind.details)
    assert "magnum-db-manage upgrade" in str(behind.details)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert "a newer release" in str(run("Database schema", site).details)


def test_database_without_tables_is_told(cloud: FakeOpenStack, empty_database: Database) -> None:
    result = run("Database schema", Site(cloud.conf, cloud.sessions, empty_database))
    assert result.code is Code.FAILURE
    assert "The database has no tables" in str(result.details)


def test_silent_database_is_told_with_its_option(
    cloud: FakeOpenStack, conf: cfg.ConfigOpts
) -> None:
    conf.set_override("connection", "sqlite:////nowhere/at/all.sqlite", "database")
    result = run("Database schema", Site(cloud.conf, cloud.sessions, Database()))
    assert result.code is Code.FAILURE
    assert "Check [database] connection" in str(result.details)


@pytest.mark.parametrize(
    ("text", "words"),
    [("- no table\n", "must be a table of rules"), ("a: {b\n", "cannot be read")],
)
def test_policy_file_that_cannot_be_read_is_named(
    site: Site, cloud: FakeOpenStack, tmp_path: pathlib.Path, text: str, words: str
) -> None:
    run("Policy files", site)  # registers the option
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    cloud.conf.set_override("policy_file", str(file), "oslo_policy")
    result = run("Policy files", site)
    assert result.code is Code.FAILURE
    assert f"{file}" in str(result.details)
    assert words in str(result.details)


@pytest.mark.parametrize("store", ["database", "local"])
def test_stores_of_our_own_are_tried(
    site: Site, cloud: FakeOpenStack, tmp_path: pathlib.Path, store: str
) -> None:
    keys, folder = tmp_path / "keys", tmp_path / "certificates"
    for name, value in (
        ("cert_manager_type", store),
        ("encryption_key_file", str(keys)),
        ("storage_path", str(folder)),
    ):
        cloud.conf.set_override(name, value, "certificates")
    assert "magnum-db-manage new-certificate-key" in str(run("Certificate store", site).details)
    sealing.add_key(keys, standby=False)
    assert run("Certificate store", site).code is Code.SUCCESS
    keys.chmod(0o644)
    assert "chmod 600" in str(run("Certificate store", site).details)


def test_directory_that_others_may_use_is_told(
    site: Site, cloud: FakeOpenStack, keys: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    folder = tmp_path / "certificates"
    folder.mkdir(mode=0o755)
    for name, value in (
        ("cert_manager_type", "local"),
        ("encryption_key_file", str(keys)),
        ("storage_path", str(folder)),
    ):
        cloud.conf.set_override(name, value, "certificates")
    assert f"chmod 700 {folder}" in str(run("Certificate store", site).details)


def test_surprise_in_one_check_is_a_failure_of_that_check(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def surprising(_site: Site) -> str:
        raise KeyError("http://u:brokerpass@host/")

    check = checks.Check("X", surprising, "Do this.")
    result = status.outcome(check, site)
    assert result.code is Code.FAILURE
    assert result.details == "KeyError: 'http://host/'.  Do this."


@pytest.fixture
def program(
    site: Site, conf: cfg.ConfigOpts, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., int]:
    """Run magnum-status on the fake site; it does not set logging up."""

    def parse(arguments: list[str], *_texts: str, **_more: object) -> cfg.ConfigOpts:
        conf(arguments, project="magnum", default_config_files=[])
        return conf

    def main(*words: str) -> int:
        conf.clear()
        monkeypatch.setattr(sys, "argv", ["magnum-status", *words])
        return status.main()

    monkeypatch.setattr(options, "parse", parse)
    monkeypatch.setattr(status, "open_site", lambda: site)
    yield main
    conf.clear()
    conf.unregister_opt(
        cfg.SubCommandOpt("command", title="Commands", handler=status._add_commands)
    )


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (lambda _cloud: None, 0),
        (option("cluster", "enabled_definitions", ["all", "nomad"]), 1),
        (trouble("heat", AWAY), 2),
    ],
)
def test_exit_status_is_the_worst_result(
    program: Callable[..., int],
    cloud: FakeOpenStack,
    capsys: pytest.CaptureFixture[str],
    broken: Break,
    expected: int,
) -> None:
    broken(cloud)
    assert program("upgrade", "check", "--json") == expected
    told = json.loads(capsys.readouterr().out)["checks"]
    assert [one["check"] for one in told] == [check.name for check in CHECKS]
    assert max(one["result"] for one in told) == expected


def test_table_names_every_check(
    program: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert program("upgrade", "check") == 0
    shown = capsys.readouterr().out
    assert all(f"Check: {check.name}" in shown for check in CHECKS)


def test_site_waits_no_longer_than_it_has_to(conf: cfg.ConfigOpts) -> None:
    conf.set_override("timeout", 4.0, "heat_client")
    site = status.open_site(conf)
    assert site.conf.heat_client.timeout == 4
    assert site.conf.nova_client.timeout == status.CALL_SECONDS
