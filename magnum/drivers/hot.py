# SPDX-License-Identifier: Apache-2.0
"""Read the packaged Heat templates."""

from importlib import resources
from typing import Any

import yaml


def read_template(name: str) -> str:
    """Read a file of ``drivers/templates``."""
    path = resources.files("magnum.drivers").joinpath("templates", name)
    return path.read_text(encoding="utf-8")


def parse_template(name: str) -> dict[str, Any]:
    """Read and parse one, as heat_template_version and all."""
    parsed: dict[str, Any] = yaml.safe_load(read_template(name))
    return parsed
