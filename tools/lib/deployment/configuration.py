# SPDX-License-Identifier: Apache-2.0
"""The magnum.conf that an operator of this mini cloud would write."""

import configparser
import io
from collections.abc import Mapping

from deployment.cloud import Cloud

Options = Mapping[str, Mapping[str, str]]


def operators_choice(cloud: Cloud, database: str) -> dict[str, dict[str, str]]:
    """Return what has to be set: where things are, and who we are."""
    me, trustees = cloud.service_user, cloud.facts["trustee_domain"]
    return {
        "DEFAULT": {"transport_url": cloud.facts["transport_url"]},
        "api": {"host": cloud.address, "port": str(cloud.facts["magnum_port"])},
        "database": {"connection": cloud.database_url(database)},
        "keystone_authtoken": {
            "www_authenticate_uri": cloud.auth_url,
            "auth_url": cloud.auth_url,
            "auth_type": "password",
            "username": me.name,
            "password": me.password,
            "user_domain_name": "Default",
            "project_name": me.project,
            "project_domain_name": "Default",
            "region_name": cloud.facts["region"],
        },
        "trust": {
            "trustee_domain_name": trustees["name"],
            "trustee_domain_admin_name": trustees["admin_name"],
            "trustee_domain_admin_password": trustees["admin_password"],
        },
    }


def layered(*layers: Options) -> Options:
    """Return the options of all layers; later ones win."""
    found: dict[str, dict[str, str]] = {}
    for layer in layers:
        for section, options in layer.items():
            found.setdefault(section, {}).update(options)
    return found


def render(*layers: Options) -> str:
    """Return the text of a configuration file; later layers win."""
    parser = configparser.RawConfigParser(default_section="")
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    for section, options in layered(*layers).items():
        parser.add_section(section)
        for name, value in options.items():
            parser.set(section, name, value)
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()
