# SPDX-License-Identifier: Apache-2.0
"""The commands of 2015 that make a magnum.conf of the sample: what they hit, and nothing else."""

import importlib.metadata
import pathlib
import shutil
import subprocess
import warnings
from typing import Any

import pytest
from oslo_config import cfg

from magnum.conf import legacy

ROOT = pathlib.Path(__file__).parents[3]
ETC = ROOT / "etc" / "magnum"

TYPED = (
    r"s/#debug\s*=.*/debug=true/",
    r"s/#rabbit_userid\s*=.*/rabbit_userid=stackrabbit/",
    r"s/#rabbit_password\s*=.*/rabbit_password=password/",
    r"s/#connection\s*=.*/connection=mysql:\/\/root:password@localhost\/magnum/",
    r"s/#admin_user\s*=.*/admin_user=admin/",
    r"s/#admin_password\s*=.*/admin_password=password/",
    r"s/#identity_uri\s*=.*/identity_uri=http:\/\/127.0.0.1:35357/",
    r"s/#auth_uri\s*=.*/auth_uri=http:\/\/127.0.0.1:5000\/v2.0/",
    r"s/#driver\s*=.*/driver=messaging/",
)

CHANGED = {
    ("DEFAULT", "debug"): True,
    ("oslo_messaging_rabbit", "rabbit_userid"): "stackrabbit",
    ("oslo_messaging_rabbit", "rabbit_password"): "password",
    ("database", "connection"): "mysql://root:password@localhost/magnum",
    ("keystone_authtoken", "admin_user"): "admin",
    ("keystone_authtoken", "admin_password"): "password",
    ("keystone_authtoken", "identity_uri"): "http://127.0.0.1:35357",
    ("keystone_authtoken", "auth_uri"): "http://127.0.0.1:5000/v2.0",
    ("oslo_messaging_notifications", "driver"): ["messaging"],
}

Values = dict[tuple[str, str], Any]


def namespaces() -> list[str]:
    lines = (ETC / "config-generator.conf").read_text().splitlines()
    return [line.partition("=")[2].strip() for line in lines if line.startswith("namespace")]


def listed() -> list[tuple[str, cfg.Opt]]:
    """Return every option of the sample, with its group."""
    found = []
    points = importlib.metadata.entry_points(group="oslo.config.opts")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of libraries, as they are imported
        for name in namespaces():
            for group, options in points[name].load()():
                where = str(getattr(group, "name", group) or "DEFAULT")
                found += [(where, option) for option in options]
    return found


def read(path: pathlib.Path) -> tuple[cfg.ConfigOpts, Values]:
    conf = cfg.ConfigOpts()
    options = listed()
    for group, option in options:
        conf.register_opt(option, group=None if group == "DEFAULT" else group)
    conf(["--config-file", str(path)], project="magnum", default_config_dirs=[])
    return conf, {
        (group, option.dest): conf[option.dest] if group == "DEFAULT" else conf[group][option.dest]
        for group, option in options
    }


@pytest.fixture
def typed(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "magnum.conf"
    shutil.copy(ETC / "magnum.conf.sample", path)
    for expression in TYPED:
        subprocess.run(["sed", "-i", expression, str(path)], check=True)
    return path


def test_the_sample_by_itself_sets_nothing() -> None:
    lines = (ETC / "magnum.conf.sample").read_text().splitlines()
    assert not [line for line in lines if line and not line.startswith(("#", "["))]


def test_the_commands_set_what_they_are_meant_to_and_nothing_else(typed: pathlib.Path) -> None:
    _, before = read(ETC / "magnum.conf.sample")
    _, after = read(typed)
    changed = {key: value for key, value in after.items() if value != before[key]}
    assert changed == CHANGED


def test_each_command_changes_one_line_alone(typed: pathlib.Path) -> None:
    # Or an option that the libraries do not know any more could hide beside it.
    before = (ETC / "magnum.conf.sample").read_text().splitlines()
    after = typed.read_text().splitlines()
    assert len([pair for pair in zip(before, after, strict=True) if len(set(pair)) > 1]) == len(
        TYPED
    )


def test_the_options_that_were_set_take_effect(typed: pathlib.Path) -> None:
    conf, _ = read(typed)
    legacy.honour(conf)
    login = conf.keystone_authtoken
    assert conf.database.connection == "mysql+pymysql://root:password@localhost/magnum"
    assert legacy.transport_url(conf) == "rabbit://stackrabbit:password@localhost:5672/"
    assert (login.auth_type, login.auth_url) == ("password", "http://127.0.0.1:35357/v3")
    assert (login.username, login.password, login.project_name) == ("admin", "password", "admin")
    assert login.www_authenticate_uri == "http://127.0.0.1:5000/v3"
