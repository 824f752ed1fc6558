# SPDX-License-Identifier: Apache-2.0
"""Clusters; bays have the same rules under their own name."""

from functools import partial

from magnum.policies.base import DEFAULT, Action, with_all_projects

_action = partial(Action, "cluster", check=DEFAULT, collection="clusters")

ACTIONS = with_all_projects(
    _action("create", method="POST", path="/{collection}", doc="Create a {noun}."),
    _action("get_all", method="GET", path="/{collection}", doc="List the {noun}s of a project."),
    _action(
        "detail", method="GET", path="/{collection}/detail", doc="List {noun}s with all fields."
    ),
    _action("get", method="GET", path="/{collection}/{{ident}}", doc="Show a {noun}."),
    _action("update", method="PATCH", path="/{collection}/{{ident}}", doc="Change a {noun}."),
    _action("delete", method="DELETE", path="/{collection}/{{ident}}", doc="Delete a {noun}."),
)
