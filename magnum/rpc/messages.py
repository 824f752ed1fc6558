# SPDX-License-Identifier: Apache-2.0
"""What travels over the bus.

A message names what to look at in the database and carries no state of its own.  Rules: add
optional fields only, with a new ``VERSION`` minor; remove or change one only with a new major.
A test holds the fingerprint of every message against its version.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, Self

VERSION = "1.0"
"""Of the interface as a whole, as oslo.messaging targets carry it."""


@dataclass(frozen=True, slots=True)
class OperationReady:
    """An operation was written to the table and waits for a conductor."""

    operation_id: str

    def to_wire(self) -> dict[str, Any]:
        """Return what JSON can carry."""
        return dataclasses.asdict(self)

    @classmethod
    def from_wire(cls, payload: Any) -> Self:
        """Read a received message.

        :raises ValueError: it has fields this version does not know, or lacks some.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        there = set(payload) if isinstance(payload, dict) else set()
        if there != known:
            raise ValueError(f"A message has the fields {sorted(there)}, not {sorted(known)}.")
        return cls(**payload)
