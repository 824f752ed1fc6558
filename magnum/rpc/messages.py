# SPDX-License-Identifier: Apache-2.0
"""What travels over the bus.

A message names what to look at in the database and carries no state of its own, save for what to
look at on engines; an answer carries what only an engine knows.  Rules: add optional fields only,
with a new ``VERSION`` minor; remove or change one only with a new major.
A test holds the fingerprint of every message against its version.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, Self

from magnum.core import errors

VERSION = "1.1"
"""Of the interface as a whole, as oslo.messaging targets carry it."""


class Message:
    """What all messages can do."""

    __slots__ = ()

    def to_wire(self) -> dict[str, Any]:
        """Return what JSON can carry."""
        # What dataclasses has for it copies a long result item by item, which takes long.
        names = (field.name for field in dataclasses.fields(self))  # type: ignore[arg-type]
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_wire(cls, payload: Any) -> Self:
        """Read a received message.

        :raises ValueError: it has fields this version does not know, or lacks some.
        """
        known = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        there = set(payload) if isinstance(payload, dict) else set()
        if there != known:
            raise ValueError(f"A message has the fields {sorted(there)}, not {sorted(known)}.")
        return cls(**payload)


@dataclass(frozen=True, slots=True)
class OperationReady(Message):
    """An operation was written to the table and waits for a conductor."""

    operation_id: str


@dataclass(frozen=True, slots=True)
class EnginesCall(Message):
    """A question for the engines of a cluster that take containers.

    :ivar seconds: after so long nobody waits for the answer any more.
    """

    cluster_id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ContainerCall(Message):
    """Something to be done with one container, which the name of the method says.

    :ivar seconds: likewise.
    :ivar command: what to run in it, where that is what is to be done.
    """

    container_id: str
    seconds: float
    command: str | None = None


@dataclass(frozen=True, slots=True)
class StatusesCall(Message):
    """A question for the states of some containers, of one project or of many.

    :ivar places: where they are, each the fields of a :class:`magnum.core.container.Place`: the
        one who asks has just read that, and to read many rows takes longer than to ask engines.
    :ivar seconds: likewise.
    """

    places: list[dict[str, Any]]
    seconds: float


@dataclass(frozen=True, slots=True)
class Answer(Message):
    """What a conductor answers to a call: a result, or an error in our own words.

    Exceptions do not travel: what a client may see of them is a status and a sentence.

    :ivar result: plain data.
    :ivar code: the error's HTTP status; 0 where there is none.
    :ivar detail: its message.
    """

    result: Any = None
    code: int = 0
    detail: str = ""

    @classmethod
    def failed(cls, error: errors.MagnumError) -> Self:
        """Make the answer that tells of an error."""
        return cls(code=error.code, detail=error.message)

    def unwrap(self) -> Any:
        """Return the result.

        :raises Told: there is an error instead.
        """
        if self.code:
            raise errors.Told(self.code, self.detail)
        return self.result
