# SPDX-License-Identifier: Apache-2.0
"""Settings of Sphinx."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "ext"))

project = "Magnum"
author = "The Magnum contributors"
copyright = author
extensions = ["oslo_config.sphinxext", "oslo_policy.sphinxext", "api_reference"]
exclude_patterns: list[str] = []
html_theme = "alabaster"
html_theme_options = {"page_width": "1100px"}
nitpicky = True
# What the service says, to the letter but for "..."; tests/unit/doc looks for it in the code.
rst_prolog = """
.. role:: message(literal)
   :class: message
"""
