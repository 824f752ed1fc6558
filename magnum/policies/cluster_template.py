# SPDX-License-Identifier: Apache-2.0
"""Cluster templates; baymodels have the same rules under their own name."""

from functools import partial

from magnum.policies.base import ADMIN_OR_OWNER, DEFAULT, Action, with_all_projects

_action = partial(Action, "clustertemplate", check=DEFAULT, collection="clustertemplates")

ACTIONS = with_all_projects(
    _action("create", method="POST", path="/{collection}", doc="Create a {noun}."),
    _action("get_all", method="GET", path="/{collection}", doc="List own and public {noun}s."),
    _action(
        "detail", method="GET", path="/{collection}/detail", doc="List {noun}s with all fields."
    ),
    _action("get", method="GET", path="/{collection}/{{ident}}", doc="Show a private {noun}."),
    _action("update", method="PATCH", path="/{collection}/{{ident}}", doc="Change a {noun}."),
    _action("delete", method="DELETE", path="/{collection}/{{ident}}", doc="Delete a {noun}."),
    _action(
        "publish",
        check=ADMIN_OR_OWNER,
        method="POST",
        path="/{collection}",
        doc="Make a {noun} usable by every project, or take that back.",
    ),
)
