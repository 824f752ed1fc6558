# SPDX-License-Identifier: Apache-2.0
"""What stands in magnum.conf: options there are, by their names of today, with values they take."""

import importlib.metadata
import pathlib
import warnings
from collections.abc import Iterator

import pytest
from keystoneauth1 import loading
from oslo_config import cfg

from tests.devstack.conftest import New
from tests.devstack.stack import ROOT, DevStack

GENERATOR = ROOT / "etc" / "magnum" / "config-generator.conf"


def _listed() -> Iterator[tuple[str, cfg.Opt]]:
    """Yield (group, option) of all that the sample lists, and of Keystone's password login."""
    lines = GENERATOR.read_text().splitlines()
    wanted = {line.partition(" = ")[2] for line in lines if line.startswith("namespace = ")}
    for entry in importlib.metadata.entry_points(group="oslo.config.opts"):
        if entry.name in wanted:
            wanted.discard(entry.name)
            for group, options in entry.load()():
                name = getattr(group, "name", group) or "DEFAULT"
                yield from ((name, option) for option in options)
    assert not wanted, f"no such namespace: {wanted}"
    for option in loading.get_auth_plugin_conf_options("password"):
        yield "keystone_authtoken", option


with warnings.catch_warnings():
    # WebOb imports the deprecated module cgi, oslo.messaging its own eventletutils.
    warnings.simplefilter("ignore", DeprecationWarning)
    import magnum.rpc.server  # noqa: F401 -- chooses threads before oslo.service chooses eventlet

    KNOWN = {(group, option.name.replace("-", "_")): option for group, option in _listed()}


def _check(machine: DevStack) -> None:
    """Every option is there, under its name of today, and takes the value."""
    for group, options in machine.options.items():
        for name, value in options.items():
            option = KNOWN.get((group, name))
            assert option is not None, f"there is no option [{group}] {name}"
            assert not option.deprecated_for_removal, f"[{group}] {name}"
            option.type(value)


EVERYTHING = "key,rabbit,mysql,barbican,tls-proxy,ceilometer-anotification,ceilometer"


@pytest.mark.parametrize("services", ["", "key,rabbit,mysql", EVERYTHING])
@pytest.mark.parametrize("catalog", ["sql", "templated"])
def test_every_option_is_one_of_today(new: New, services: str, catalog: str) -> None:
    machine = new(ENABLED_SERVICES=services, KEYSTONE_CATALOG_BACKEND=catalog)
    machine.run("stack")
    _check(machine)


@pytest.mark.parametrize("name", ["auth_uri", "identity_uri", "rabbit_hosts", "nonsense"])
def test_the_check_knows_names_that_are_gone_from_those_of_today(name: str) -> None:
    """Or the test above would pass by looking at nothing."""
    assert not {group for group, known in KNOWN if known == name and group != "cors"} - {
        group for (group, known), option in KNOWN.items() if option.deprecated_for_removal
    }
    assert ("keystone_authtoken", "www_authenticate_uri") in KNOWN
    assert ("oslo_middleware", "enable_proxy_headers_parsing") in KNOWN


def test_passwords_are_for_the_owner_alone(new: New) -> None:
    machine = new()
    machine.run("stack")
    assert (machine.config / "magnum.conf").stat().st_mode & 0o777 == 0o600


def test_it_is_written_anew(new: New) -> None:
    machine = new()
    machine.config.mkdir(parents=True)
    (machine.config / "magnum.conf").write_text("[api]\nmax_limit = 7\n")
    machine.run("stack")
    assert "max_limit" not in machine.options["api"]


def test_the_service_finds_everything(new: New, age: str) -> None:
    machine = new(REGION_NAME="Here", API_WORKERS="3", ENABLE_DEBUG_LOG_LEVEL="False")
    machine.run("stack")
    options = machine.options
    keystone = {"2015": "http://192.0.2.7:5000", "today": "http://192.0.2.7/identity"}[age]
    assert options["DEFAULT"]["debug"] == "False"
    assert options["DEFAULT"]["transport_url"] == (
        "rabbit://stackrabbit:secretrabbit@192.0.2.7:5672/"
    )
    assert options["database"]["connection"] == (
        "mysql+pymysql://root:secretdatabase@127.0.0.1/magnum?charset=utf8"
    )
    assert options["api"] == {"host": "192.0.2.7", "port": "9511", "workers": "3"}
    login = options["keystone_authtoken"]
    assert login.items() >= {
        ("auth_type", "password"),
        ("auth_url", keystone),
        ("www_authenticate_uri", keystone),
        ("username", "magnum"),
        ("password", "secretservice"),
        ("user_domain_name", "Default"),
        ("project_name", "service"),
        ("project_domain_name", "Default"),
    }
    assert login.get("memcached_servers") == {"today": "localhost:11211"}.get(age)
    assert options["trust"] == {
        "trustee_domain_name": "magnum",
        "trustee_domain_id": "id-of-domain-magnum",
        "trustee_domain_admin_name": "trustee_domain_admin",
        "trustee_domain_admin_id": "id-of-user-trustee_domain_admin",
        "trustee_domain_admin_password": "secretservice",
    }
    clients = {group for group in options if group.endswith("_client")}
    assert {options[group]["region_name"] for group in clients} == {"Here"}
    assert {"heat_client", "nova_client", "neutron_client", "barbican_client"} <= clients
    assert not {"oslo_middleware", "oslo_messaging_notifications"} & set(options)


def test_keystone_may_be_in_another_region(new: New) -> None:
    machine = new(REGION_NAME="Two", KEYSTONE_REGION_NAME="One")
    machine.run("stack")
    assert machine.options["keystone_client"] == {"region_name": "One"}
    assert machine.options["keystone_authtoken"]["region_name"] == "One"
    assert machine.options["heat_client"] == {"region_name": "Two"}


def test_postgresql_stays_what_it_is(new: New) -> None:
    machine = new(DATABASE_BASE="postgresql://root:secret@127.0.0.1")
    machine.run("stack")
    connection = machine.options["database"]["connection"]
    assert connection == "postgresql://root:secret@127.0.0.1/magnum?charset=utf8"


@pytest.mark.parametrize("service", ["barbican", "barbican-svc"])
def test_certificates_are_barbicans_where_it_is(new: New, service: str) -> None:
    machine = new(ENABLED_SERVICES=f"key,{service}")
    ran = machine.run("stack")
    assert machine.options["certificates"] == {
        "cert_manager_type": "barbican",
        "encryption_key_file": str(machine.config / "certificates.keys"),
    }
    assert not machine.certificates.exists()
    assert [words[2:] for words in ran.of("magnum-db-manage")] == [["upgrade"]]


def test_certificates_are_in_files_where_it_is_not(new: New) -> None:
    machine = new()
    machine.run("stack")
    keys = machine.config / "certificates.keys"
    assert machine.options["certificates"] == {
        "cert_manager_type": "local",
        "storage_path": str(machine.certificates),
        "encryption_key_file": str(keys),
    }
    assert machine.certificates.stat().st_mode & 0o777 == 0o700
    assert keys.exists()


def test_certificates_are_in_the_database_when_local_conf_says_so(today: New) -> None:
    machine = today(ENABLED_SERVICES="key,barbican", STORE="database")
    machine.run("stack")
    assert machine.options["certificates"]["cert_manager_type"] == "database"
    assert (machine.config / "certificates.keys").exists()
    assert not machine.certificates.exists()


@pytest.mark.parametrize("service", ["ceilometer", "ceilometer-anotification"])
def test_telemetry_gets_notifications(new: New, service: str) -> None:
    machine = new(ENABLED_SERVICES=f"key,{service}")
    machine.run("stack")
    assert machine.options["oslo_messaging_notifications"] == {"driver": "messagingv2"}


def test_behind_the_proxy_the_api_is_inside_and_certificates_are_checked(new: New) -> None:
    machine = new(ENABLED_SERVICES="key,tls-proxy")
    machine.run("stack")
    options = machine.options
    assert options["api"]["port"] == "19511"
    assert options["oslo_middleware"] == {"enable_proxy_headers_parsing": "True"}
    bundle = f"{machine.local['DEST']}/data/ca-bundle.pem"
    assert options["keystone_authtoken"]["cafile"] == bundle
    assert {options[group]["ca_file"] for group in options if group.endswith("_client")} == {bundle}


def test_operators_own_places_are_taken(new: New, tmp_path: pathlib.Path) -> None:
    machine = new(
        MAGNUM_SERVICE_HOST="2001:db8::7",
        MAGNUM_SERVICE_PORT="9999",
        MAGNUM_STATE_PATH=str(tmp_path / "state"),
        MAGNUM_TRUSTEE_DOMAIN_ADMIN_PASSWORD="other",
    )
    ran = machine.run("stack")
    assert machine.options["api"].items() >= {("host", "2001:db8::7"), ("port", "9999")}
    assert machine.options["DEFAULT"]["state_path"] == str(tmp_path / "state")
    assert (tmp_path / "state").is_dir()
    assert machine.options["trust"]["trustee_domain_admin_password"] == "other"
    assert ran.of("get_or_create_user")[0][1] == "other"
    url = "http://[2001:db8::7]:9999"
    assert ran.of("get_or_create_endpoint")[0][2] == f"{url}/v1"
    assert ran.of("curl") == [[f"{url}/"]]
