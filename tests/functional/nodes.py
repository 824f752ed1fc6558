# SPDX-License-Identifier: Apache-2.0
"""How the mini cloud's nodes behave."""

import json
import pathlib


class Nodes:
    """Tells the mini cloud's nodes how to behave."""

    def __init__(self, control: pathlib.Path) -> None:
        self._control = control

    def behave(self, **how: object) -> None:
        """Rule all nodes from now on; without rules they work."""
        self._control.write_text(json.dumps(how))
