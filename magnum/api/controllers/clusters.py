# SPDX-License-Identifier: Apache-2.0
"""Clusters, by whatever name a vocabulary gives them."""

from typing import Any

from magnum.api import patch, types, views
from magnum.api.call import Call, Reply
from magnum.api.controllers.resources import Resource
from magnum.core import errors, fields


class ClustersController(Resource):
    """``/v1/bays`` and its like."""

    def service(self, call: Call) -> Any:
        return call.services.clusters

    def post(self, call: Call) -> Reply:
        """Create one: 201 with all of it, or 202 with its uuid where the version is asynchronous.

        :raises ReferencedMissing: the template does not exist.
        """
        values = types.read(self.vocabulary.noun, self.vocabulary.words, call.body)
        call.authorise(self.vocabulary.rule("create"))
        row = call.services.clusters.create(call.context, values)
        if self.vocabulary.is_async(call.version):
            return Reply({"uuid": row.uuid}, 202)
        return self.created(call, row)

    def patch(self, call: Call) -> Reply:
        """Change one: 200 with all of it, or 202 with its uuid where the version is asynchronous.

        :raises Invalid: the patch is wrong, or would change what cannot change.
        """
        rollback = self._rollback(call)
        changes = patch.parse(self.vocabulary, call.body)
        row = self.found(call, "update")
        values = patch.apply(self.vocabulary, views.document(self.vocabulary, row), changes)
        self.check_changeable(values)
        row = call.services.clusters.update(call.context, row, values, rollback)
        if self.vocabulary.is_async(call.version):
            return Reply({"uuid": row.uuid}, 202)
        return Reply(self.shown(call, row))

    def events(self, call: Call) -> Reply:
        """Tell what has happened to one, oldest first: why it is as it is."""
        row = self.found(call, "get")
        return Reply(views.events(call.services.clusters.events(call.context, row)))

    def _rollback(self, call: Call) -> bool:
        sent = call.query.get("rollback")
        if sent is None:
            return False
        if not self.vocabulary.takes_rollback(call.version):
            since = self.vocabulary.rollback_since
            raise errors.Invalid(
                f"The query parameter rollback needs microversion {since}, this call has "
                f"{call.version}."
            )
        try:
            return fields.parse_boolean(sent)
        except ValueError as error:
            raise errors.InvalidField("rollback", sent, "be true or false") from error
