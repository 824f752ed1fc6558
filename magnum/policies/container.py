# SPDX-License-Identifier: Apache-2.0
"""Containers on a cluster.

Who may change one by default is who made it, and who may make one is who made the cluster; what
runs in it everybody in the project may start, stop and look at.  Those were the rules of 2016.
"""

from functools import partial

from magnum.policies.base import ADMIN_OR_USER, DEFAULT, Action, with_all_projects

_open = partial(Action, "container", check=DEFAULT, collection="containers")
_own = partial(Action, "container", check=ADMIN_OR_USER, collection="containers")

_ITEM = "/{collection}/{{ident}}"

ACTIONS = with_all_projects(
    _own("create", method="POST", path="/{collection}", doc="Create a {noun} on a bay."),
    _open("get_all", method="GET", path="/{collection}", doc="List the {noun}s of a project."),
    _open("detail", method="GET", path="/{collection}/detail", doc="List {noun}s in full."),
    _open("get", method="GET", path=_ITEM, doc="Show a {noun}."),
    _own("update", method="PATCH", path=_ITEM, doc="Change what is stored of a {noun}."),
    _own("delete", method="DELETE", path=_ITEM, doc="Delete a {noun}."),
    _open("start", method="PUT", path=f"{_ITEM}/start", doc="Start a {noun}."),
    _open("stop", method="PUT", path=f"{_ITEM}/stop", doc="Stop a {noun}."),
    _open("reboot", method="PUT", path=f"{_ITEM}/reboot", doc="Stop and start a {noun}."),
    _open("pause", method="PUT", path=f"{_ITEM}/pause", doc="Freeze what runs in a {noun}."),
    _open("unpause", method="PUT", path=f"{_ITEM}/unpause", doc="Let it run again."),
    _open("logs", method="GET", path=f"{_ITEM}/logs", doc="Show what a {noun} has written."),
    _open("execute", method="PUT", path=f"{_ITEM}/execute", doc="Run a command in a {noun}."),
)
