# SPDX-License-Identifier: Apache-2.0
"""A magnum.conf of 2015 works as it is, and says what to write today."""

import logging
import pathlib
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from oslo_config import cfg
from oslo_log import versionutils

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of libraries, as they are imported
    from keystonemiddleware import auth_token

    from magnum.rpc import transport

from magnum.clients.sessions import Sessions
from magnum.conf import legacy, opts

Read = Callable[[str], cfg.ConfigOpts]

OF_2015 = """
[DEFAULT]
rabbit_host = mq
[oslo_messaging_rabbit]
rabbit_userid = stackrabbit
rabbit_password = s3c/r$$t
[database]
connection = mysql://root:dbsecret@localhost/magnum
[keystone_authtoken]
admin_user = admin
admin_password = adm$$insecret
identity_uri = http://127.0.0.1:35357
auth_uri = http://127.0.0.1:5000/v2.0
auth_version = v2.0
"""
TODAY = """
[DEFAULT]
transport_url = rabbit://me:mine@now/
[database]
connection = mysql+pymysql://me:mine@now/magnum
[keystone_authtoken]
auth_type = password
username = me
password = mine
project_name = service
user_domain_name = Users
project_domain_name = Projects
auth_url = http://now:5000/v3
www_authenticate_uri = http://public:5000/v3
"""


@pytest.fixture(autouse=True)
def said(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """oslo.log says nothing twice in a process: forget what other tests have made it say."""
    monkeypatch.setattr(versionutils, "_deprecated_messages_sent", {})
    caplog.set_level(logging.WARNING)


@pytest.fixture
def read(tmp_path: pathlib.Path) -> Read:
    """Read options as a program does as it starts."""

    def read(text: str) -> cfg.ConfigOpts:
        path = tmp_path / "magnum.conf"
        path.write_text(text)
        conf = cfg.ConfigOpts()
        for group, options in opts.list_opts():
            conf.register_opts(options, group=None if group == "DEFAULT" else group)
        conf(["--config-file", str(path)], project="magnum")
        legacy.honour(conf)
        return conf

    return read


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def our_login(conf: cfg.ConfigOpts) -> Any:
    return Sessions(conf).service().auth


def broker(conf: cfg.ConfigOpts) -> str:
    transport.open_transport(conf)
    return str(conf.transport_url)


def test_a_broker_of_then_becomes_a_url(read: Read) -> None:
    assert broker(read(OF_2015)) == "rabbit://stackrabbit:s3c%2Fr%24t@mq:5672/"


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ("rabbit_host = mq", "rabbit://guest:guest@mq:5672/"),
        (
            "rabbit_host = 2001:db8::1\nrabbit_port = 5671",
            "rabbit://guest:guest@[2001:db8::1]:5671/",
        ),
        ("rabbit_hosts = a:1, b", "rabbit://guest:guest@a:1,guest:guest@b:5672/"),
        ("rabbit_virtual_host = /x/y", "rabbit://guest:guest@localhost:5672/x%2Fy"),
        ("rabbit_use_ssl = true", "rabbit://guest:guest@localhost:5672/?ssl=true"),
    ],
)
@pytest.mark.parametrize("group", ["DEFAULT", "oslo_messaging_rabbit"])
def test_each_option_of_the_broker_counts_in_either_group(
    read: Read, caplog: pytest.LogCaptureFixture, group: str, options: str, url: str
) -> None:
    assert broker(read(f"[{group}]\n{options}\n")) == url
    assert len(told(caplog)) == len(options.splitlines())
    assert all("transport_url" in line and group in line for line in told(caplog))


def test_the_login_of_then_is_used_by_the_token_middleware_and_by_our_sessions(read: Read) -> None:
    conf = read(OF_2015)
    login = conf.keystone_authtoken
    assert login.www_authenticate_uri == "http://127.0.0.1:5000/v3"
    assert login.auth_version is None
    middleware = auth_token.AuthProtocol(lambda *_: [], {"oslo_config_config": conf})
    for plugin in (middleware._auth, our_login(conf)):
        assert plugin.auth_url == "http://127.0.0.1:35357/v3"
        assert (plugin._username, plugin._password) == ("admin", "adm$insecret")
        assert (plugin._project_name, plugin.project_domain_id) == ("admin", "default")
        assert plugin.user_domain_id == "default"


def test_a_project_of_then_is_taken(read: Read) -> None:
    conf = read("[keystone_authtoken]\nadmin_user = magnum\nadmin_tenant_name = services\n")
    assert conf.keystone_authtoken.project_name == "services"


def test_the_url_for_callers_alone_serves_this_service_too(read: Read) -> None:
    conf = read("[keystone_authtoken]\nadmin_user = magnum\nauth_uri = http://k:5000/v2.0/\n")
    assert conf.keystone_authtoken.auth_url == "http://k:5000/v3"


def test_a_login_of_another_kind_is_left_alone(read: Read) -> None:
    conf = read(OF_2015 + "auth_type = v3token\n")
    assert "username" not in conf.keystone_authtoken


@pytest.mark.parametrize("name", ["connection", "slave_connection"])
def test_mysql_means_the_driver_that_is_installed(
    read: Read, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    conf = read(f"[database]\n{name} = mysql://root:a$$b@localhost/magnum\n")
    assert conf.database[name] == "mysql+pymysql://root:a$b@localhost/magnum"
    (line,) = told(caplog)
    assert name in line
    assert "mysql+pymysql://" in line


def test_a_database_of_the_environment_is_taken_likewise(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_DATABASE__CONNECTION", "mysql://root@localhost/magnum")
    assert read("").database.connection == "mysql+pymysql://root@localhost/magnum"


def test_each_gives_one_warning_that_names_its_successor_and_no_secret(
    read: Read, caplog: pytest.LogCaptureFixture
) -> None:
    conf = read(OF_2015)
    broker(conf)
    legacy.honour(conf)  # whoever asks again
    auth_token.AuthProtocol(lambda *_: [], {"oslo_config_config": conf})
    successors = {
        "rabbit_host": "transport_url",
        "rabbit_userid": "transport_url",
        "rabbit_password": "transport_url",
        "connection": "mysql+pymysql",
        "admin_user": "username",
        "admin_password": "password in",
        "identity_uri": "auth_url",
        "auth_uri": "www_authenticate_uri",
        "auth_version": "remove",
    }
    lines = told(caplog)
    for name, successor in successors.items():
        (line,) = [line for line in lines if f'"{name}"' in line or f"] {name}:" in line]
        assert successor in line
    assert len(lines) == len(successors)
    assert not [line for line in lines if "secret" in line or "s3c" in line]


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("", ["log"]),
        ("[oslo_messaging_notifications]\ndriver = test\n", ["test"]),
    ],
)
def test_notifications_of_then_are_sent(
    read: Read, caplog: pytest.LogCaptureFixture, text: str, driver: list[str]
) -> None:
    conf = read(f"[DEFAULT]\nnotification_driver = log\nnotification_topics = a, b\n{text}")
    transport.open_notification_transport(conf)
    assert conf.oslo_messaging_notifications.driver == driver
    assert conf.oslo_messaging_notifications.topics == ["a", "b"]
    assert len(told(caplog)) == 2
    assert all("[oslo_messaging_notifications]" in line for line in told(caplog))


def test_todays_names_prevail(read: Read, caplog: pytest.LogCaptureFixture) -> None:
    parser: dict[str, str] = {}
    for text in (OF_2015, TODAY):
        for section in text.split("[")[1:]:
            name, _, lines = section.partition("]")
            parser[name] = parser.get(name, "") + lines
    both = "".join(f"[{name}]{lines}" for name, lines in parser.items())
    conf = read(both)
    assert broker(conf) == "rabbit://me:mine@now/"
    assert conf.database.connection == "mysql+pymysql://me:mine@now/magnum"
    plugin = our_login(conf)
    assert plugin.auth_url == "http://now:5000/v3"
    assert (plugin._username, plugin._password, plugin._project_name) == ("me", "mine", "service")
    assert (plugin.user_domain_id, plugin.user_domain_name) == (None, "Users")
    assert (plugin.project_domain_id, plugin.project_domain_name) == (None, "Projects")
    assert conf.keystone_authtoken.www_authenticate_uri == "http://public:5000/v3"
    assert "identity_uri" in "\n".join(told(caplog))


def test_todays_names_alone_give_no_warning(read: Read, caplog: pytest.LogCaptureFixture) -> None:
    conf = read(TODAY)
    assert broker(conf) == "rabbit://me:mine@now/"
    assert not told(caplog)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[DEFAULT]\nenable_authentication = false", "needs a token"),
        ("[cluster_heat]\nwait_interval = 5", "create_timeout"),
        ("[bay]\nk8s_atomic_template_path = /x", "driver"),
        ("[bay_heat]\nmax_attempts = 5", "create_timeout"),
    ],
)
def test_what_has_no_effect_any_more_says_so(
    read: Read, caplog: pytest.LogCaptureFixture, text: str, why: str
) -> None:
    read(text + "\n")
    (line,) = told(caplog)
    assert why in line


def test_our_own_options_of_former_names_say_so(
    read: Read, caplog: pytest.LogCaptureFixture
) -> None:
    conf = read("[bay_heat]\nbay_create_timeout = 7\n")
    assert conf.cluster_heat.create_timeout == 7
    (line,) = told(caplog)
    assert "create_timeout" in line
