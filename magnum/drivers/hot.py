# SPDX-License-Identifier: Apache-2.0
"""Read the packaged Heat templates."""

from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import yaml

INDEX = "%index%"
"""Heat's word for the name of a group's member."""

PREFIX = "%prefix%"
"""Stands for the parameter ``node_prefix`` in what :func:`server_name` returns."""


def _file(name: str) -> Traversable:
    return resources.files("magnum.drivers").joinpath("templates", name)


def template_path(name: str) -> str:
    """Return where a file of ``drivers/templates`` is on this host."""
    return str(_file(name))


def read_template(name: str) -> str:
    """Read a file of ``drivers/templates``."""
    return _file(name).read_text(encoding="utf-8")


@cache
def parse_template(name: str) -> dict[str, Any]:
    """Read and parse one, as heat_template_version and all.

    It takes some tenths of a second, so all have the same, which nobody may change.
    """
    parsed: dict[str, Any] = yaml.safe_load(read_template(name))
    return parsed


def server_name(template: dict[str, Any], resource: str) -> str | None:
    """Return the name that a node's server gets, from its resource, or from its group.

    :returns: with :data:`PREFIX` and :data:`INDEX` in it; None where the resource is no node.
    """
    properties = template["resources"].get(resource, {}).get("properties", {})
    node = properties.get("resource_def", {}).get("properties", properties)
    if "role" not in node:
        return None
    separator, parts = node["name"]["list_join"]
    words = [part if isinstance(part, str) else PREFIX for part in parts]
    return str(separator).join(words)
