# SPDX-License-Identifier: Apache-2.0
"""Asking the policy whether a caller may do something.

Called by the API.  Rules compare ids as text, where two absent projects are equal, so whoever asks
has refused callers without a project before.
"""

import logging
import pathlib
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from oslo_config import cfg
from oslo_policy import opts, policy

from magnum.context import RequestContext
from magnum.core import errors

LOG = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often the files are looked at, at most: with each call it would take as long as the rules."""

_DEFAULT_FILE, _FORMER_DEFAULT_FILE = "policy.yaml", "policy.json"

Stamps = tuple[tuple[pathlib.Path, int, int], ...]


class Malformed(errors.Misconfigured):
    """A policy file cannot be read, or is no table of rules."""


class Enforcer:
    """The rules in code, with an operator's policy files over them.

    A change of the files counts within a second.  Rules in use are never touched, others take
    their place: oslo.policy would change them under the threads that are asking.

    :param look_seconds: how often the files are looked at, at most.
    :raises Malformed: a file is no table of rules.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        rules: Iterable[policy.RuleDefault],
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._conf = conf
        self._defaults = list(rules)
        self._look_seconds = look_seconds
        self._next_look = time.monotonic() + look_seconds
        opts.set_defaults(conf)  # registers the options
        self._stamps = _stamps(conf)
        self._rules = self._load()

    def allows(self, context: RequestContext, rule: str, target: Mapping[str, object]) -> bool:
        """Tell whether the policy allows something.

        :param rule: a registered one, for example ``bay:get_all``.
        :param target: ids of what is asked for: ``project_id`` and ``user_id``.
        """
        if time.monotonic() >= self._next_look:
            self._look()
        return bool(self._rules.authorize(rule, dict(target), context.to_policy_values()))

    def check(self, context: RequestContext, rule: str, target: Mapping[str, object]) -> None:
        """Refuse what the policy does not allow.

        :raises Forbidden: the rule denies it; the message names the rule.
        """
        if not self.allows(context, rule, target):
            raise errors.Forbidden(f"Policy does not allow {rule} to be performed.")

    def _look(self) -> None:
        """Take over what has changed in the files; with a malformed one nothing changes."""
        self._next_look = time.monotonic() + self._look_seconds
        stamps = _stamps(self._conf)
        if stamps == self._stamps:
            return
        self._stamps = stamps
        try:
            self._rules = self._load()
        except Malformed as error:
            LOG.error("The policy stays as it was: %s", error)

    def _load(self) -> policy.Enforcer:
        _tell_which_file(self._conf)
        checks = {default.name: default.check for default in self._defaults}
        for path, *_ in self._stamps:
            checks.update(_read(path))
        enforcer = policy.Enforcer(self._conf, use_conf=False)  # or it would look for itself
        enforcer.register_defaults(self._defaults)
        enforcer.set_rules(checks)
        enforcer.check_rules()  # warns of rules that refer to none, for which "default" stands in
        enforcer.skip_undefined_check = True
        try:
            enforcer.check_rules(raise_on_violation=True)
        except policy.InvalidDefinitionError as error:
            raise Malformed(f"rules refer to each other in a circle: {error}") from error
        enforcer.set_rules(_resolved(checks))
        return enforcer


def _resolved(checks: Mapping[str, Any]) -> dict[str, Any]:
    """Put what a rule stands for in place of each that only names another one.

    oslo.policy takes more time for every step from rule to rule than for what the last one says.

    :param checks: of rules that do not refer to each other in a circle.
    """

    def resolve(check: Any) -> Any:
        while isinstance(check, policy.RuleCheck) and check.match in checks:
            check = checks[check.match]
        return check

    return {name: resolve(check) for name, check in checks.items()}


def _stamps(conf: cfg.ConfigOpts) -> Stamps:
    """Return the policy files there are, the later ones prevailing, and what tells of a change."""
    return tuple((path, *_stamp(path)) for path in _paths(conf))


def _file(conf: cfg.ConfigOpts) -> str | None:
    """Return the policy file: the one configured, else policy.yaml, else policy.json."""
    name = conf.oslo_policy.policy_file
    file: str | None = conf.find_file(name)
    if file is None and name == _DEFAULT_FILE:
        file = conf.find_file(_FORMER_DEFAULT_FILE)
    return file


def _tell_which_file(conf: cfg.ConfigOpts) -> None:
    """Warn of a policy.json that looks as if it counted, and does not."""
    used, other = _file(conf), conf.find_file(_FORMER_DEFAULT_FILE)
    if conf.oslo_policy.policy_file == _DEFAULT_FILE and other not in (None, used):
        LOG.warning("%s is not read, as there is %s; remove one of them.", other, used)


def _paths(conf: cfg.ConfigOpts) -> Iterator[pathlib.Path]:
    if file := _file(conf):
        yield pathlib.Path(file)
    for name in conf.oslo_policy.policy_dirs:
        if folder := conf.find_file(name):
            files = (path for path in pathlib.Path(folder).iterdir() if path.is_file())
            yield from sorted(path for path in files if not path.name.startswith("."))


def _stamp(path: pathlib.Path) -> tuple[int, int]:
    """Return when a file was changed, and its inode; zeros if it has just gone."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_ino


def _read(path: pathlib.Path) -> policy.Rules:
    """Read the rules of a file.

    :raises Malformed: there are none to be read.
    """
    try:
        rules = policy.parse_file_contents(path.read_text())
    except (OSError, ValueError) as error:
        raise Malformed(f"{path} cannot be read: {error}") from error
    if not isinstance(rules, dict):
        raise Malformed(f"{path} must be a table of rules")
    for name, check in rules.items():
        # oslo.policy would take no text at all for a check that allows everything.
        if not isinstance(name, str) or not isinstance(check, str):
            raise Malformed(f"{path} must have a text for each rule, which {name} has not")
    return policy.Rules.from_dict(rules)
