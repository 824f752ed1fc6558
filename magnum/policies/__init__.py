# SPDX-License-Identifier: Apache-2.0
"""Who may do what: every rule with its default, one module a noun.

Called by :mod:`magnum.api.app` and by oslo.policy's sample generator.  An operator's policy file
overrides any of them.
"""

from oslo_policy import policy

from magnum.policies import base, certificate, cluster, cluster_template, container, magnum_service

ALIASES = {"bay": "cluster", "baymodel": "clustertemplate"}
"""Nouns whose rules are those of another one, unless an operator says otherwise."""

_ACTIONS = (*cluster.ACTIONS, *cluster_template.ACTIONS)


def list_rules() -> list[policy.RuleDefault]:
    """Return every rule: the common ones, then those enforced."""
    aliases = [base.alias(action, noun) for noun, core in ALIASES.items() for action in _of(core)]
    return [
        *base.RULES,
        *(base.rule(action) for action in _ACTIONS),
        *aliases,
        *(base.rule(action) for action in certificate.ACTIONS),
        *(base.rule(action) for action in container.ACTIONS),
        *(base.rule(action) for action in magnum_service.ACTIONS),
    ]


def _of(noun: str) -> list[base.Action]:
    return [action for action in _ACTIONS if action.noun == noun]
