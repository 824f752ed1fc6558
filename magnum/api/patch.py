# SPDX-License-Identifier: Apache-2.0
"""JSON patch, with the rules of this API over those of RFC 6902.

Called by the resource controllers: :func:`parse` looks at the patch alone and comes before the
resource is looked up, :func:`apply` needs the resource.  Neither changes a row.

Source: the JSON patch rules of the bay API; RFC 6902.
"""

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jsonpatch
import jsonpointer

from magnum.api.intake import ABSENT
from magnum.api.vocabulary import Vocabulary, Word
from magnum.core import errors
from magnum.core.fields import INTERNAL, Kind

OPERATIONS = ("add", "replace", "remove")
MAX_OPERATIONS = 1000
_PATH = re.compile(r"(/[\w-]+)+")
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Change:
    """One element of a patch.

    :ivar value: a text, a number or a boolean; None with ``remove``.
    """

    op: str
    path: str
    value: str | int | None

    @property
    def attribute(self) -> str:
        """The attribute that the path begins with."""
        return self.path.split("/")[1]

    @property
    def shown(self) -> str:
        """The path, not too long for an error."""
        return self.path[:_SHOWN]

    @property
    def is_nested(self) -> bool:
        """Whether the path goes into the attribute."""
        return self.path.count("/") > 1

    def as_rfc6902(self) -> dict[str, Any]:
        """Return the element in the words of the RFC."""
        element: dict[str, Any] = {"op": self.op, "path": self.path}
        return element if self.op == "remove" else {**element, "value": self.value}


def parse(vocabulary: Vocabulary, body: object) -> tuple[Change, ...]:
    """Check a patch by itself.

    :raises Invalid: it is no list of operations, or one of them is never allowed.
    """
    if not isinstance(body, list):
        shown = "absent" if body is ABSENT else "no list"
        raise errors.Invalid(f"The patch is {shown} but must be a list of operations.")
    if len(body) > MAX_OPERATIONS:
        raise errors.Invalid(f"The patch must have at most {MAX_OPERATIONS} operations.")
    return tuple(_parse_element(vocabulary, element) for element in body)


def _parse_element(vocabulary: Vocabulary, element: object) -> Change:
    if not isinstance(element, dict):
        raise errors.Invalid("Each operation of a patch must be an object with op, path and value.")
    if unknown := element.keys() - {"op", "path", "value"}:
        names = errors.first_sentence(", ".join(sorted(unknown)), 80)
        raise errors.Invalid(f"An operation has no member {names}, only op, path and value.")
    if missing := {"op", "path"} - element.keys():
        names = " and ".join(sorted(missing))
        raise errors.Invalid(
            f"Each operation of a patch must have op and path, one has no {names}."
        )
    op, path, value = element["op"], element["path"], element.get("value")
    if op not in OPERATIONS:
        raise errors.InvalidField("op", op, f"be one of {', '.join(OPERATIONS)}")
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        raise errors.InvalidField("path", path, "be a slash and an attribute, such as /node_count")
    if value is not None and not isinstance(value, str | int):
        shown = f"The value for {path[:_SHOWN]}"
        raise errors.InvalidField(shown, value, "be a text or an integer", secret=True)
    change = Change(op, path, value)
    _check_allowed(vocabulary, change)
    return change


def _check_allowed(vocabulary: Vocabulary, change: Change) -> None:
    name = change.attribute
    word = vocabulary.by_name.get(name)
    if name in INTERNAL or (word is not None and word.field.internal):
        raise errors.Invalid(f"{change.shown} is set by the service and cannot be patched.")
    if change.op == "remove":
        if word is not None and not word.field.removable and not change.is_nested:
            raise errors.Invalid(f"{change.shown} is mandatory and cannot be removed.")
    elif not change.value:
        raise errors.InvalidField(
            f"The value for {change.shown}",
            change.value,
            'be neither empty, null, 0 nor false; write false as the text "False"',
        )


def apply(
    vocabulary: Vocabulary, document: Mapping[str, Any], changes: Sequence[Change]
) -> dict[str, Any]:
    """Apply a patch to a resource.

    :param document: the resource's attributes by their names on the wire.
    :returns: the values that differ afterwards, by core name; a removed one is its default.
    :raises Invalid: the patch does not fit the resource.
    :raises InvalidField: a value is none the attribute may have.
    """
    # One copy for all operations: copying many labels for each of many takes a server's time.
    patched = copy.deepcopy(dict(document))
    for change in changes:
        _check_add(vocabulary, patched, change)
        _apply_one(vocabulary, patched, change)
    found: dict[str, Any] = {}
    for word in vocabulary.words:
        value = patched.get(word.name)
        if word.name not in document or value == document[word.name]:
            continue
        if word.field.read_only or word.field.ignored:
            raise errors.Invalid(f"/{word.name} is set by the service and cannot be patched.")
        value = word.field.or_default(word.field.parse(value, word.name))
        if value != document[word.name]:
            found[word.field.name] = value
    return found


def _check_add(vocabulary: Vocabulary, document: Mapping[str, Any], change: Change) -> None:
    if change.op != "add" or change.is_nested:
        return
    name = change.attribute
    if name not in document:
        raise errors.Invalid(
            f"A {vocabulary.noun} has no attribute {name[:_SHOWN]} that could be added."
        )
    if document[name] is not None:
        raise errors.Invalid(f"{name} has a value already, use replace instead of add.")


def _apply_one(vocabulary: Vocabulary, document: dict[str, Any], change: Change) -> None:
    """Apply one operation to the document itself."""
    word = vocabulary.by_name.get(change.attribute)
    element = change.as_rfc6902()
    if word is not None and "value" in element:
        element["value"] = _as_sent(word, change)
    try:
        jsonpatch.apply_patch(document, [element], in_place=True)
    except (
        jsonpatch.JsonPatchException,
        jsonpointer.JsonPointerException,
        KeyError,
        TypeError,
        ValueError,
    ) as error:
        raise errors.Invalid(
            f"{change.op} cannot be done because a {vocabulary.noun} has no {change.shown}."
        ) from error


def _as_sent(word: Word, change: Change) -> str | int | None:
    """Undo what command lines do to a text that looks like a number, such as a flavor's id."""
    is_number = isinstance(change.value, int) and not isinstance(change.value, bool)
    if is_number and word.field.kind in (Kind.TEXT, Kind.LABELS):
        return str(change.value)
    return change.value
