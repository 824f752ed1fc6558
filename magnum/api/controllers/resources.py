# SPDX-License-Identifier: Apache-2.0
"""What clusters and templates have in common as resources: lists, items, deletion.

Called through the route table; subclasses say which service serves them.
"""

from collections.abc import Mapping
from typing import Any

from magnum.api import pagination, views
from magnum.api.call import Call, Reply
from magnum.api.vocabulary import Vocabulary
from magnum.core import errors
from magnum.core.idents import is_uuid
from magnum.policies.base import IN_ALL_PROJECTS
from magnum.service.page import Page

CHANGES = ("update", "delete")


class Resource:
    """The calls of one collection, in the words of one vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    def service(self, call: Call) -> Any:
        """Return the part of the service layer that keeps these resources."""
        raise NotImplementedError

    def get_all(self, call: Call) -> Reply:
        """List, with few fields each."""
        return self._page(call, "get_all")

    def detail(self, call: Call) -> Reply:
        """List, with all fields."""
        return self._page(call, "detail")

    def get(self, call: Call) -> Reply:
        """Show one."""
        row = self.found(call, "get")
        return Reply(views.item(self.vocabulary, row, call.base_url, alone=True))

    def delete(self, call: Call) -> Reply:
        """Delete one."""
        row = self.found(call, "delete")
        self.service(call).delete(call.context, row)
        return Reply(status=204)

    def found(self, call: Call, action: str) -> Any:
        """Load the row of the path's ident and authorise an action on it.

        What the caller's project sees comes first, so that the usual case asks one rule and
        nobody's name gets in the way of one's own.

        :raises NotFound: there is none for the caller.
        :raises Forbidden: the policy denies it on this row.
        """
        try:
            row = self.service(call).get(call.context, call.ident)
        except errors.NotFound:
            if not self._reaches_others(call, action):
                raise
            return self.service(call).get(call.context, call.ident, all_projects=True)
        if self.is_open(row, action):
            return row
        is_own = row.project_id == call.context.project_id
        if not is_own and self._reaches_others(call, action):
            return row
        try:
            call.authorise(self.vocabulary.rule(action), row)
        except errors.Forbidden:
            # What belongs to somebody else of the project is no nearer to an administrator than
            # what belongs to another project, and no further away.
            if not (is_own and self._administers(call, action)):
                raise
        return row

    def is_open(self, row: Any, action: str) -> bool:
        """Whether everybody who sees a row may do this with it, whatever the policy says."""
        return False

    def _reaches_others(self, call: Call, action: str) -> bool:
        """Tell whether the caller may do this to what other projects have.

        Two rules have to allow it: the one for all projects and, as for the caller's own, the
        plain one.  And a change needs the uuid: a name means a row of one's own, and when that
        is gone a stranger's row of the same name must not go next.

        :raises Forbidden: the plain rule denies it.
        :raises NotFound: it is a change, by name.
        """
        if not self._administers(call, action):
            return False
        if action in CHANGES and not is_uuid(call.ident):
            raise errors.NotFound(
                f"There is no {self.vocabulary.noun} {errors.first_sentence(call.ident)} in your "
                "project, use the uuid to change one of another project."
            )
        return True

    def _administers(self, call: Call, action: str) -> bool:
        """Tell whether the caller may do this whosever it is.

        :raises Forbidden: only the plain rule denies it.
        """
        if action not in IN_ALL_PROJECTS:
            return False
        if not call.allows(self.vocabulary.rule_in_all_projects(action)):
            return False
        call.authorise(self.vocabulary.rule(action))
        return True

    def check_changeable(self, values: Mapping[str, Any]) -> None:
        """Refuse a patch that would change what cannot change.

        :param values: what it would change, by core name.
        :raises Invalid: it would.
        """
        allowed = self.vocabulary.changeable
        if allowed is None:
            return
        names = {word.field.name: word.name for word in self.vocabulary.words}
        if others := {names[name] for name in values} - allowed:
            raise errors.Invalid(
                f"Only {', '.join(sorted(allowed))} of a {self.vocabulary.noun} can change, "
                f"not {', '.join(sorted(others))}."
            )

    def shown(self, call: Call, row: Any) -> dict[str, Any]:
        """Show a row with all fields."""
        return views.item(self.vocabulary, row, call.base_url)

    def created(self, call: Call, row: Any) -> Reply:
        """Answer a creation that is done."""
        location = f"{call.base_url}/v1/{self.vocabulary.collection}/{row.uuid}"
        return Reply(self.shown(call, row), 201, {"Location": location})

    def narrowed(self, call: Call, page: Page, all_projects: bool) -> Page:
        """Narrow a list by what is beside the page in the query."""
        return page

    def _page(self, call: Call, action: str) -> Reply:
        detail = action == "detail"
        page = pagination.read(self.vocabulary, call.query, call.conf.api.max_limit, detail)
        call.authorise(self.vocabulary.rule(action))
        all_projects = call.allows(self.vocabulary.rule_in_all_projects(action))
        page = self.narrowed(call, page, all_projects)
        rows = self.service(call).page(call.context, page, all_projects)
        items = views.items(self.vocabulary, rows, call.base_url, detail=detail)
        collection = self.vocabulary.collection
        url = f"{call.base_url}/v1/{collection}{'/detail' if detail else ''}"
        return Reply({collection: items, **pagination.next_url(url, call.query, page, rows)})
