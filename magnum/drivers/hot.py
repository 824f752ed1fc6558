# SPDX-License-Identifier: Apache-2.0
"""Read the packaged Heat templates."""

from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import yaml


def _file(name: str) -> Traversable:
    return resources.files("magnum.drivers").joinpath("templates", name)


def template_path(name: str) -> str:
    """Return where a file of ``drivers/templates`` is on this host."""
    return str(_file(name))


def read_template(name: str) -> str:
    """Read a file of ``drivers/templates``."""
    return _file(name).read_text(encoding="utf-8")


def parse_template(name: str) -> dict[str, Any]:
    """Read and parse one, as heat_template_version and all."""
    parsed: dict[str, Any] = yaml.safe_load(read_template(name))
    return parsed
