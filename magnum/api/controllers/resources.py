# SPDX-License-Identifier: Apache-2.0
"""What clusters and templates have in common as resources: lists, items, deletion.

Called through the route table; subclasses say which service serves them.
"""

from typing import Any

from magnum.api import pagination, views
from magnum.api.call import Call, Reply
from magnum.api.vocabulary import Vocabulary


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
        return Reply(self.shown(call, self.found(call, "get")))

    def delete(self, call: Call) -> Reply:
        """Delete one."""
        row = self.found(call, "delete")
        self.service(call).delete(call.context, row)
        return Reply(status=204)

    def found(self, call: Call, action: str) -> Any:
        """Load the row of the path's ident and authorise an action on it.

        :raises NotFound: the caller's project has none.
        :raises Forbidden: the policy denies it on this row.
        """
        row = self.service(call).get(call.context, call.ident)
        call.authorise(self.vocabulary.rule(action), row)
        return row

    def shown(self, call: Call, row: Any) -> dict[str, Any]:
        """Show a row with all fields."""
        return views.item(self.vocabulary, row, call.base_url)

    def created(self, call: Call, row: Any) -> Reply:
        """Answer a creation that is done."""
        location = f"{call.base_url}/v1/{self.vocabulary.collection}/{row.uuid}"
        return Reply(self.shown(call, row), 201, {"Location": location})

    def _page(self, call: Call, action: str) -> Reply:
        page = pagination.read(self.vocabulary, call.query, call.conf.api.max_limit)
        call.authorise(self.vocabulary.rule(action))
        rows = self.service(call).page(call.context, page)
        collection, listed = self.vocabulary.collection, action == "get_all"
        items = [views.item(self.vocabulary, row, call.base_url, listed=listed) for row in rows]
        url = f"{call.base_url}/v1/{collection}{'' if listed else '/detail'}"
        return Reply({collection: items, **pagination.next_url(url, call.query, page, rows)})
