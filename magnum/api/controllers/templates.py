# SPDX-License-Identifier: Apache-2.0
"""Cluster templates, by whatever name a vocabulary gives them."""

from collections.abc import Mapping
from typing import Any

from magnum.api import patch, types, views
from magnum.api.call import Call, Reply
from magnum.api.controllers.resources import Resource
from magnum.core import errors, labels
from magnum.service import names

DEVICEMAPPER_MINIMUM_GB = 3


class TemplatesController(Resource):
    """``/v1/baymodels`` and its like."""

    def service(self, call: Call) -> Any:
        return call.services.templates

    def is_open(self, row: Any, action: str) -> bool:
        """Whether everybody may do this with a template: look at a public one."""
        return bool(row.public) and action == "get"

    def post(self, call: Call) -> Reply:
        """Create one: 201 with all of it."""
        vocabulary = self.vocabulary
        values = types.read(vocabulary.noun, vocabulary.words, call.body, vocabulary.retired)
        _check_together(values)
        call.authorise(self.vocabulary.rule("create"))
        if values["public"]:
            call.authorise(self.vocabulary.rule("publish"))
        return self.created(call, call.services.templates.create(call.context, values))

    def patch(self, call: Call) -> Reply:
        """Change one: 200 with all of it."""
        changes = patch.parse(self.vocabulary, call.body)
        row = self.found(call, "update")
        document = views.document(self.vocabulary, row)
        values = patch.apply(self.vocabulary, document, changes)
        if "name" in values and values["name"] is None:
            values["name"] = names.generate(self.vocabulary.noun)
        _check_together({name: values.get(name, getattr(row, name)) for name in _TOGETHER})
        if "public" in values:
            call.authorise(self.vocabulary.rule("publish"))  # whose row it is has been settled
        row = call.services.templates.update(call.context, row, values)
        return Reply(self.shown(call, row))


_TOGETHER = ("coe", "docker_storage_driver", "docker_volume_size", "labels")


def _check_together(values: Mapping[str, Any]) -> None:
    """Check fields whose bounds depend on each other.

    :raises InvalidField: the volume is too small for its driver, or a label is wrong.
    """
    size = values["docker_volume_size"]
    is_bounded = values["docker_storage_driver"] == "devicemapper" and size is not None
    if is_bounded and size < DEVICEMAPPER_MINIMUM_GB:
        rule = f"be at least {DEVICEMAPPER_MINIMUM_GB} GB for devicemapper"
        raise errors.InvalidField("docker_volume_size", size, rule)
    labels.check(values["coe"], values["labels"] or {})
