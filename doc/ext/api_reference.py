# SPDX-License-Identifier: Apache-2.0
"""Directives of the API reference: what can be read from the code is not written down again.

``api-call`` shows one call: its query parameters from the route table, the statuses it is given,
samples.  ``api-attributes`` makes the table of a resource's attributes, ``api-labels`` that of the
labels, ``api-versions`` the list of microversions.  ``metrics-table`` is for operators.
"""

import http
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from magnum.api import routes, versions, vocabulary
from magnum.api.controllers import certificates
from magnum.api.vocabulary import Vocabulary, Word
from magnum.core import fields, labels
from magnum.metrics import instruments

_SPECIAL = re.compile(r"([\\*_`|])")


def _plain(text: str) -> str:
    """Escape what would mean something to docutils."""
    return _SPECIAL.sub(r"\\\1", text)


def _table(widths: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield from (".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", "")
    for row in (head, *rows):
        for number, cell in enumerate(row):
            yield f"   {'*' if number == 0 else ' '} - {cell}"
    yield ""


class _Generated(SphinxDirective):
    """A directive whose content is written as text for docutils."""

    def lines(self) -> Iterator[str]:
        """Yield the text."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        return list(self.parse_text_to_nodes("\n".join(self.lines())))


class Call(_Generated):
    """``.. api-call:: METHOD /path``: one call."""

    required_arguments = 2
    has_content = True
    option_spec = {  # noqa: RUF012  # docutils wants it so
        "codes": directives.unchanged_required,
        "samples": directives.unchanged_required,
    }

    def lines(self) -> Iterator[str]:
        method, path = self.arguments
        yield from (f"``{method} {path}``", "", *self.content, "")
        if query := self._query(method, path):
            yield f":Query: {', '.join(f'``{name}``' for name in sorted(query))}"
        yield f":Answers: {', '.join(_status(code) for code in self.options['codes'].split())}"
        yield ""
        for name in self.options["samples"].split():
            yield from (f".. include:: /user/samples/{name}.inc", "")

    def _query(self, method: str, path: str) -> frozenset[str]:
        for route in routes.ROUTES:
            if "/" + "/".join(route.path) == path and method in route.handlers:
                return route.query.get(method, frozenset())
        raise self.error(f"there is no {method} {path}")


def _status(code: str) -> str:
    return f"{code} {http.HTTPStatus(int(code)).phrase}"


class Attributes(_Generated):
    """``.. api-attributes:: noun``: the attributes of a resource."""

    required_arguments = 1

    def lines(self) -> Iterator[str]:
        head = ("Attribute", "Listed", "Is", "Created", "Patched", "What it is")
        yield from _table("22 7 20 14 12 25", head, self._rows(self.arguments[0]))

    def _rows(self, noun: str) -> Iterator[Sequence[str]]:
        if noun == "certificate":
            words: Sequence[Word] = certificates.WORDS
            yield from (_row(word, None) for word in words)
        elif noun == "mservice":
            yield from (
                _row(Word(field, field.name, True), None) for field in fields.SERVICE_FIELDS
            )
        else:
            (found,) = (one for one in vocabulary.ALL if one.noun == noun)
            yield from (_row(word, found) for word in found.words)


def _row(word: Word, found: Vocabulary | None) -> Sequence[str]:
    described = fields.describe(word.field)
    return (
        f"``{word.name}``",
        "yes" if word.listed else "no",
        _plain(described["rule"].removeprefix("be ")),
        _created(word),
        _patched(word, found),
        _plain(described["doc"]),
    )


def _created(word: Word) -> str:
    field = word.field
    if field.read_only:
        return "never"
    if field.ignored:
        return "ignored"
    if field.mandatory:
        return "mandatory"
    default = field.or_default(None)
    return "optional" if default is None else f"optional, else ``{str(default).lower()}``"


def _patched(word: Word, found: Vocabulary | None) -> str:
    field = word.field
    if found is None or field.read_only or field.ignored or field.internal:
        return "never"
    if found.changeable is not None and word.name not in found.changeable:
        return "never"
    return "replace, remove" if field.removable else "replace"


class Labels(_Generated):
    """``.. api-labels::``: the labels that are checked."""

    def lines(self) -> Iterator[str]:
        rows = (
            (
                coe,
                f"``{label.name}``",
                _plain(label.rule.removeprefix("be ")),
                f"``{label.default}``" if label.default else "",
                _plain(label.doc),
            )
            for coe, known in labels.BY_COE.items()
            for label in known.values()
        )
        yield from _table("12 26 24 14 24", ("coe", "Label", "Is", "Default", "What it is"), rows)


class Versions(_Generated):
    """``.. api-versions::``: the microversions, oldest first."""

    def lines(self) -> Iterator[str]:
        for version, change in versions.VERSIONS.items():
            yield from (f"{version}", f"   {_plain(change)}", "")


class Metrics(_Generated):
    """``.. metrics-table::``: every metric, with its labels and who has it."""

    def lines(self) -> Iterator[str]:
        rows = (
            (
                f"``{one.name}``",
                one.kind,
                ", ".join(f"``{label}``" for label in one.labels) or "--",
                " and ".join(one.programs),
                _plain(one.text),
            )
            for one in instruments.ALL
        )
        yield from _table("28 10 14 10 38", ("metric", "kind", "labels", "of", "meaning"), rows)


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directives."""
    app.add_directive("api-call", Call)
    app.add_directive("api-attributes", Attributes)
    app.add_directive("api-labels", Labels)
    app.add_directive("api-versions", Versions)
    app.add_directive("metrics-table", Metrics)
    return {"version": "1", "parallel_read_safe": True}
