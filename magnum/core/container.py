# SPDX-License-Identifier: Apache-2.0
"""What is wanted of a container and what is seen of it: the language between API and engines.

What Docker would refuse is refused here, by Docker's own rules and before anything is written.
"""

import enum
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from magnum.core import errors

LEAST_MEMORY = 6 * 2**20
"""Bytes below which an engine of today makes no container."""

MOST_MEMORY = 2**63 - 1
"""What a BIGINT column, and an engine, can count."""

NAME = r"[a-zA-Z0-9][a-zA-Z0-9_.-]+"
"""Docker's rule for names, all of it."""

_MEMORY = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,9})?) ?([bkmgtp]?)(?:i?b)?", re.IGNORECASE)
_UNITS = {unit: 1024**power for power, unit in enumerate("bkmgtp")} | {"": 1}
_MEMORY_RULE = "be a number with the unit b, k, m or g, such as 512m, of at least 6 MiB"

_HOST = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?P<repository>(?:{_HOST}(?:\.{_HOST})*(?::[0-9]+)?/)?{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[0-9a-zA-Z_][0-9a-zA-Z_.-]{0,127}))?"
    r"(?:@(?P<digest>[a-zA-Z][a-zA-Z0-9_+.-]*:[0-9a-fA-F]{32,}))?"
)


class Status(enum.StrEnum):
    """The words for a container's state; clients of 2016 know no others."""

    RUNNING = "Running"
    STOPPED = "Stopped"
    PAUSED = "Paused"
    ERROR = "Error"
    UNKNOWN = "Unknown"  # being made, or its engine does not say


@dataclass(frozen=True, slots=True)
class Image:
    """A reference to an image.

    :ivar repository: with the registry's host and port if it is not Docker's own.
    :ivar version: a tag, or a digest where there is one.
    """

    repository: str
    version: str

    @property
    def reference(self) -> str:
        """The reference in full, as an engine takes it."""
        return f"{self.repository}{'@' if ':' in self.version else ':'}{self.version}"


@dataclass(frozen=True, slots=True)
class Seen:
    """A container's state as an engine tells it, and why where it is not well."""

    status: str
    reason: str | None = None


Grouped = list[tuple[str, str | None, list[str]]]
"""States of many containers, most of which are alike: each with the uuids of those in it."""


def group(seen: Mapping[str, Seen]) -> Grouped:
    """Group containers, by uuid, by their states."""
    uuids: dict[Seen, list[str]] = {}
    for uuid, state in seen.items():
        uuids.setdefault(state, []).append(uuid)
    return [(state.status, state.reason, those) for state, those in uuids.items()]


def ungroup(groups: Grouped) -> dict[str, Seen]:
    """Return the states of containers by uuid again."""
    seen: dict[str, Seen] = {}
    for status, reason, uuids in groups:
        seen.update(dict.fromkeys(uuids, Seen(status, reason)))
    return seen


@dataclass(frozen=True, slots=True)
class Place:
    """An engine, and which containers are on it by what the table says.

    :ivar host: its address; empty where none is known.
    :ivar host_id: its node's id in the swarm.
    :ivar containers: docker's ids of those that are made, by uuid.
    :ivar failures: what is known of why some could not be started, by uuid; an engine that lists
        them does not tell.
    """

    cluster_id: str
    host: str
    host_id: str | None
    containers: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str | None] = field(default_factory=dict)


def places(rows: Iterable[Any]) -> list[Place]:
    """Return where containers are, each engine once; those that are not made are left out.

    :param rows: of the table, with at least the columns of :data:`PLACED`.
    """
    found: dict[tuple[str, str], Place] = {}
    for row in rows:
        if row.docker_id is None:
            continue
        key = row.cluster_id, row.host or ""
        place = found.get(key)
        if place is None:
            place = found[key] = Place(*key, row.host_id)
        place.containers[row.uuid] = row.docker_id
        if row.status == Status.ERROR:
            place.failures[row.uuid] = row.status_reason
    return [*found.values()]


PLACED = frozenset(
    ("uuid", "cluster_id", "host", "host_id", "docker_id", "status", "status_reason")
)


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """A container as it is wanted.

    :ivar name: what its owner calls it; None when it has no name.
    :ivar command: its words, empty for the image's own.
    :ivar memory_bytes: most it may use, 0 for no bound.
    """

    uuid: str
    cluster_id: str
    name: str | None
    image: Image
    command: tuple[str, ...] = ()
    memory_bytes: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def docker_name(self) -> str:
        """What its engine calls it: never left to the engine, so that none is made twice."""
        return self.name or self.uuid


def parse_memory(text: str, name: str = "memory") -> int:
    """Read an amount of memory as Docker does: ``512m``, ``1g``, a number alone is bytes.

    :param name: the field's name, for the error.
    :returns: bytes.
    :raises InvalidField: it is no amount, or too small for an engine.
    """
    found = _MEMORY.fullmatch(text)
    if found is None:
        raise errors.InvalidField(name, text, _MEMORY_RULE)
    number, unit = found.groups()
    amount = int(float(number) * _UNITS[unit.lower()])
    if not LEAST_MEMORY <= amount <= MOST_MEMORY:
        raise errors.InvalidField(name, text, _MEMORY_RULE)
    return amount


def split_command(text: str | None, name: str = "command") -> tuple[str, ...]:
    """Split a command into words as a shell does.

    :raises InvalidField: a quotation mark is not closed.
    """
    try:
        return tuple(shlex.split(text or ""))
    except ValueError as error:
        raise errors.InvalidField(name, text, "close every quotation mark it opens") from error


def parse_image(text: str) -> Image:
    """Read a reference such as ``busybox``, ``host:5000/team/app:1.2`` or ``app@sha256:…``.

    :raises InvalidField: it is none.
    """
    found = _IMAGE.fullmatch(text)
    if found is None:
        rule = "be a repository in lower case and at most one tag, such as registry:5000/app:1.2"
        raise errors.InvalidField("image", text, rule)
    return Image(found["repository"], found["digest"] or found["tag"] or "latest")


def check_environment(environment: Mapping[str, str]) -> None:
    """Check the names of variables.

    :raises InvalidField: one is empty or has an equals sign.
    """
    for name in environment:
        start, sign, _ = name.partition("=")
        if not start or sign:
            rule = "have names that are not empty and have no equals sign"
            shown = start + sign  # what follows was meant for a value, and may be a secret
            raise errors.InvalidField("environment", shown, rule)
