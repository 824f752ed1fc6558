# SPDX-License-Identifier: Apache-2.0
"""Asking the policy whether a caller may do something.

Called by the API.  Rules compare ids as text, where two absent projects are equal, so whoever asks
has refused callers without a project before.
"""

from collections.abc import Iterable, Mapping

from oslo_config import cfg
from oslo_policy import policy

from magnum.context import RequestContext
from magnum.core import errors


class Enforcer:
    """The rules in code, with an operator's policy file over them; re-read when it changes."""

    def __init__(self, conf: cfg.ConfigOpts, rules: Iterable[policy.RuleDefault]) -> None:
        self._enforcer = policy.Enforcer(conf)
        self._enforcer.register_defaults(list(rules))

    def allows(self, context: RequestContext, rule: str, target: Mapping[str, object]) -> bool:
        """Tell whether the policy allows something.

        :param rule: a registered one, for example ``bay:get_all``.
        :param target: ids of what is asked for: ``project_id`` and ``user_id``.
        """
        return bool(self._enforcer.authorize(rule, dict(target), context.to_policy_values()))

    def check(self, context: RequestContext, rule: str, target: Mapping[str, object]) -> None:
        """Refuse what the policy does not allow.

        :raises Forbidden: the rule denies it; the message names the rule.
        """
        if not self.allows(context, rule, target):
            raise errors.Forbidden(f"Policy does not allow {rule} to be performed.")
