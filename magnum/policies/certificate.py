# SPDX-License-Identifier: Apache-2.0
"""Certificates of a cluster: whoever may have one signed is its administrator.

Nodes are not asked by these rules: they come without a project, and the service layer tells which
cluster they belong to.
"""

from functools import partial

from magnum.policies.base import ADMIN_OR_USER, Action

_action = partial(Action, "certificate", check=ADMIN_OR_USER)

ACTIONS = (
    _action("create", method="POST", path="/certificates", doc="Have a request signed."),
    _action("get", method="GET", path="/certificates/{{ident}}", doc="Show the authority."),
)
