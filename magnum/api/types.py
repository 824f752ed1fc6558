# SPDX-License-Identifier: Apache-2.0
"""WSME types, made from the field table through a vocabulary.

Called by the controllers to read bodies.  WSME walks the body, the field decides about its value;
every refusal is worded here or in :mod:`magnum.core.fields`, naming field, value and what would be
right.
"""

import functools
from collections.abc import Iterable, Mapping
from typing import Any

import wsme
import wsme.exc
import wsme.rest.json
import wsme.types

from magnum.api.intake import ABSENT
from magnum.api.vocabulary import Retired, Word
from magnum.core import errors
from magnum.core.fields import Field


class FieldType(wsme.types.UserType):
    """A field of the table as a type of WSME."""

    basetype = str

    def __init__(self, field: Field, name: str) -> None:
        self.field = field
        self.name = name

    def validate(self, value: object) -> Any:
        """Return the value to store.

        :raises InvalidField: it is none the field may have.
        """
        return self.field.parse(value, self.name)


@functools.cache
def body_type(name: str, words: tuple[Word, ...]) -> type:
    """Make the type of a creation's body: an attribute for each word."""
    attributes = {
        word.field.name: wsme.wsattr(
            FieldType(word.field, word.name),
            name=word.name,
            mandatory=word.field.mandatory,
            readonly=word.field.read_only,
        )
        for word in words
    }
    order = tuple(attributes)
    return type(name, (wsme.types.Base,), {**attributes, "_wsme_attr_order": order})


def read(
    noun: str, words: tuple[Word, ...], body: object, retired: Iterable[Retired] = ()
) -> dict[str, Any]:
    """Read the body of a creation.

    :param retired: what it may have beside the words, if null.
    :returns: a value for every field a creation may set, by core name; defaults for nulls.
    :raises Invalid: it is absent, no object, or has an attribute it must not have.
    :raises InvalidField: an attribute has a value it cannot have.
    """
    if not isinstance(body, dict):
        shown = "absent" if body is ABSENT else "no JSON object"
        raise errors.Invalid(f"The body is {shown} but must be an object that describes a {noun}.")
    body = _without(retired, body)
    by_name = {word.name: word for word in words}
    try:
        parsed = wsme.rest.json.fromjson(body_type(noun, words), body)
    except wsme.exc.UnknownAttribute as error:
        raise _unknown(noun, error.attributes, by_name) from error
    except wsme.exc.InvalidInput as error:
        raise _refused(by_name[error.fieldname], error.value, body) from error
    return {
        word.field.name: word.field.or_default(_sent(parsed, word, body))
        for word in words
        if not (word.field.read_only or word.field.ignored)
    }


def _without(retired: Iterable[Retired], body: Mapping[str, object]) -> dict[str, object]:
    """Leave out what is no attribute any more.

    :raises InvalidField: it has a value.
    """
    left = dict(body)
    for old in retired:
        value = left.pop(old.name, None)
        if value is not None:
            raise errors.InvalidField(old.name, value, old.rule)
    return left


def _sent(parsed: Any, word: Word, body: Mapping[str, object]) -> Any:
    """Return what was sent; WSME lets a null pass for every attribute, the field may not."""
    if word.name not in body:
        return None
    return word.field.parse(getattr(parsed, word.field.name), word.name)


def _unknown(noun: str, attributes: Iterable[str], by_name: Mapping[str, Word]) -> errors.Invalid:
    names = errors.first_sentence(", ".join(repr(name) for name in sorted(attributes)), 160)
    known = ", ".join(word.name for word in by_name.values() if not word.field.read_only)
    return errors.Invalid(f"A {noun} has no attribute {names}, only {known}.")


def _refused(word: Word, value: object, body: Mapping[str, object]) -> errors.MagnumError:
    if word.field.read_only:
        return errors.InvalidField(word.name, value, "be left out, the service sets it")
    if word.name not in body:
        return errors.Invalid(f"{word.name} is missing but must {word.field.rule}.")
    return word.field.refusal(word.name, value)
