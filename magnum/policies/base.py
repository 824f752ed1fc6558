# SPDX-License-Identifier: Apache-2.0
"""The common rules, and how a noun's actions become rules.

Ids are compared as text, where two absent ones are equal: a caller without a project must have
been refused before any rule is asked.  The API does that once, in :mod:`magnum.api.controllers`.
"""

from dataclasses import dataclass, replace

from oslo_policy import policy

DEFAULT = "rule:default"
ADMIN_OR_OWNER = "rule:admin_or_owner"
ADMIN_OR_USER = "rule:admin_or_user"
ADMIN_API = "rule:admin_api"
ADMIN = "rule:context_is_admin"

RULES = (
    policy.RuleDefault("context_is_admin", "role:admin", "Administrators of the cloud."),
    policy.RuleDefault(
        "admin_or_owner",
        "is_admin:True or project_id:%(project_id)s",
        "Members of the project that the resource belongs to.",
    ),
    policy.RuleDefault(
        "admin_or_user",
        "is_admin:True or user_id:%(user_id)s",
        "The user that made the resource.",
    ),
    policy.RuleDefault("admin_api", ADMIN, "What only administrators may call."),
    policy.RuleDefault("default", ADMIN_OR_OWNER, "Whatever has no rule of its own."),
)

IN_ALL_PROJECTS = {
    "get_all": "get_all_all_projects",
    "detail": "detail_all_projects",
    "get": "get_one_all_projects",
    "update": "update_all_projects",
    "delete": "delete_all_projects",
}
"""Actions that some callers may do in every project, and what they are called there."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be done to a noun.

    :ivar path: after the version; ``{collection}`` stands for the noun's.
    :ivar collection: the noun's own collection.
    """

    noun: str
    name: str
    check: str
    method: str
    path: str
    doc: str
    collection: str = ""


def with_all_projects(*actions: Action) -> tuple[Action, ...]:
    """Add to a noun's actions what allows them in every project."""
    return actions + tuple(
        replace(
            action,
            name=IN_ALL_PROJECTS[action.name],
            check=ADMIN,
            doc=f"What {{noun}}:{action.name} allows, in every project.",
        )
        for action in actions
        if action.name in IN_ALL_PROJECTS
    )


def rule(action: Action) -> policy.DocumentedRuleDefault:
    """Make the rule of an action."""
    return _documented(action, action.noun, action.check, action.collection)


def alias(action: Action, noun: str) -> policy.DocumentedRuleDefault:
    """Make the rule of the same action under another noun: it asks the first one."""
    return _documented(action, noun, f"rule:{action.noun}:{action.name}", f"{noun}s")


def _documented(
    action: Action, noun: str, check: str, collection: str
) -> policy.DocumentedRuleDefault:
    return policy.DocumentedRuleDefault(
        name=f"{noun}:{action.name}",
        check_str=check,
        description=action.doc.format(noun=noun),
        operations=[
            {"path": f"/v1{action.path.format(collection=collection)}", "method": action.method}
        ],
    )
