# SPDX-License-Identifier: Apache-2.0
"""The accounts that an operator of 2015 had, on the servers of the mini cloud for a while.

Each is a context: what it changes is as before in the end.
"""

import dataclasses
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from deployment.cloud import Cloud
from deployment.sessions import Refused, Session
from minicloud import settings
from minicloud.probes import sql
from tests.functional import bus

PASSWORD = "password"


def with_old_admin(cloud: Cloud) -> Cloud:
    """Return the cloud whose administrator has the password of then, and is our service's user."""
    admin = cloud.facts["users"]["admin"] | {"password": PASSWORD}
    users = cloud.facts["users"] | {"admin": admin}
    facts = cloud.facts | {"users": users, "service_user": {"name": "admin", **admin}}
    return dataclasses.replace(cloud, facts=facts)


def restore(cloud: Cloud) -> None:
    """Undo what a test that was killed has left.  Only for who has the mini cloud to itself."""
    try:
        Session.of(cloud, cloud.user("admin"))
    except Refused:
        _set_password(cloud, cloud.user("admin").password)
    keystone = Session.of(cloud, cloud.service_user)
    for row in _services(keystone):
        if row["type"] == "container" and row["name"] == "magnum":
            keystone.call("DELETE", "identity", f"/services/{row['id']}")
        elif not row["enabled"]:
            _enable(keystone, row, True)


@contextmanager
def administrator(cloud: Cloud) -> Iterator[None]:
    """Give the cloud's administrator the password of then."""
    _set_password(cloud, PASSWORD)
    try:
        yield
    finally:
        _set_password(cloud, cloud.user("admin").password)


def _set_password(cloud: Cloud, password: str) -> None:
    """Set the administrator's password, as another one: this one may not get in."""
    body = {"user": {"password": password}}
    other = Session.of(cloud, cloud.service_user)
    other.call("PATCH", "identity", f"/users/{cloud.user('admin').id}", body)


@contextmanager
def database(cloud: Cloud) -> Iterator[None]:
    """Have root with a password, and no database of ours."""
    mini = settings.load(cloud.prefix)
    account = f"'root'@'{cloud.address}'"
    tables = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'magnum'"
    assert sql(mini, tables).split()[-1] == "0", "somebody uses the database magnum"
    sql(mini, "DROP DATABASE IF EXISTS magnum")
    sql(mini, f"CREATE OR REPLACE USER {account} IDENTIFIED BY '{PASSWORD}'")
    sql(mini, f"GRANT ALL ON *.* TO {account}")
    try:
        yield
    finally:
        sql(mini, f"DROP USER {account}")
        sql(mini, "DROP DATABASE IF EXISTS magnum")
        sql(mini, "CREATE DATABASE magnum CHARACTER SET utf8mb4")  # as the mini cloud made it


@contextmanager
def broker(cloud: Cloud) -> Iterator[None]:
    """Have stackrabbit at RabbitMQ; the queues made meanwhile go with it."""
    before = bus.queues(cloud.prefix)
    bus.control(cloud.prefix, "add_user", "stackrabbit", PASSWORD)
    try:
        bus.control(cloud.prefix, "set_permissions", "stackrabbit", ".*", ".*", ".*")
        yield
    finally:
        bus.control(cloud.prefix, "delete_user", "stackrabbit")
        for queue in set(bus.queues(cloud.prefix)) - set(before):
            with suppress(subprocess.CalledProcessError):  # some go with their last reader
                bus.control(cloud.prefix, "delete_queue", queue)


@contextmanager
def catalogue(cloud: Cloud) -> Iterator[None]:
    """Have no entry for us in the catalogue; those made meanwhile are removed again."""
    keystone = Session.of(cloud, cloud.service_user)
    before = _services(keystone)
    for row in before:
        _enable(keystone, row, False)
    try:
        yield
    finally:
        kept = {row["id"] for row in before}
        for row in _services(keystone):
            if row["id"] in kept:
                _enable(keystone, row, True)
            else:
                keystone.call("DELETE", "identity", f"/services/{row['id']}")


def _services(keystone: Session) -> list[dict[str, Any]]:
    """List the entries for us, of either type."""
    known = keystone.get("identity", "/services")["services"]
    return [row for row in known if row["type"] in ("container", "container-infra")]


def _enable(keystone: Session, row: dict[str, Any], enabled: bool) -> None:
    body = {"service": {"enabled": enabled}}
    keystone.call("PATCH", "identity", f"/services/{row['id']}", body)
