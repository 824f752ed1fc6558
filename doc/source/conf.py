# SPDX-License-Identifier: Apache-2.0
"""Settings of Sphinx."""

project = "Magnum"
author = "The Magnum contributors"
copyright = author
extensions = ["oslo_config.sphinxext", "oslo_policy.sphinxext"]
exclude_patterns: list[str] = []
html_theme = "alabaster"
html_theme_options = {"page_width": "1100px"}
nitpicky = True
