# SPDX-License-Identifier: Apache-2.0
"""Every error that crosses a boundary of the service, with its HTTP status.

::

    MagnumError                     500
    ├── Invalid                     400  what was sent cannot be done
    │   ├── InvalidField            400  one named field
    │   ├── ReferencedMissing       400  a body refers to what does not exist
    │   ├── InUse                   400  a template that clusters refer to
    │   ├── WrongStatus             400  the cluster's status does not allow it
    │   └── UnsupportedDriver       400  no driver for the (server type, os, coe)
    ├── Unauthorized                401
    ├── Forbidden                   403
    ├── NotFound                    404
    │   └── KeypairNotFound         404  kept apart: old suites assert 404 here
    ├── Conflict                    409
    │   └── Ambiguous               409  several resources of one name
    ├── NotAcceptable               406  the microversion header
    ├── EngineFailed                500  an engine refused what it should have done
    ├── Unavailable                 503  a service we depend on; has retry_after
    ├── Unanswered                  504  an engine of a bay does not answer in time
    ├── Told                        500  what a conductor answered; each has the code it came with
    ├── LeaseLost                   --   inside the conductor only
    └── Misconfigured               500  an option cannot work; programs end with it at start

The first sentence of a message, up to its first full stop, has to say it all: clients of
2016 print just that.  So no full stop may stand inside a value before the end of
that sentence; :func:`first_sentence` takes care of values.
"""

import json


def first_sentence(text: str, longest: int | None = None) -> str:
    """Return ``text`` fit to stand in a first sentence: one line, no full stop followed by more.

    Full stops inside words (versions, addresses, file names) cannot be avoided; the ones that
    end a sentence in somebody else's message become semicolons.

    :param longest: characters to cut it to; give it for what a caller sent.
    """
    line = " ".join(text.split()).replace(". ", "; ")
    return line[:longest].rstrip(".")


def json_type(value: object) -> str:
    """Name what a value is in JSON."""
    if isinstance(value, bool):
        return "a boolean"
    kinds = {str: "a text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return kinds.get(type(value), "null")


def wrong(field: str, value: object, rule: str, *, secret: bool = False) -> str:
    """Word what is wrong with a field.

    :param field: its name on the wire.
    :param value: what was sent.
    :param rule: what would be right, to follow the word "must".
    :param secret: whether the value may be one, or hold one; then only its type is told.
    """
    if secret:
        return f"{field} is {json_type(value)} but must {rule}."
    is_word = value is None or isinstance(value, bool)
    shown = json.dumps(value) if is_word else repr(value)
    if len(shown) > 80:
        shown = shown[:77] + "..."
    return f"{field} is {first_sentence(shown)} but must {rule}."


class MagnumError(Exception):
    """Base of all; ``code`` is the HTTP status the API answers with."""

    code = 500
    retry_after: int | None = None
    """Seconds after which trying again makes sense, or None."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Invalid(MagnumError):
    """The request is understood and cannot be carried out."""

    code = 400


class InvalidField(Invalid):
    """One field has a value outside of its bounds; arguments as of :func:`wrong`."""

    def __init__(self, field: str, value: object, rule: str, *, secret: bool = False) -> None:
        super().__init__(wrong(field, value, rule, secret=secret))
        self.field = field


class ReferencedMissing(Invalid):
    """A body refers to a resource that does not exist for this caller."""


class InUse(Invalid):
    """A template cannot change or go while clusters refer to it."""


class WrongStatus(Invalid):
    """The cluster is not in a status that allows the request."""


class UnsupportedDriver(Invalid):
    """No driver serves this (server type, os, coe)."""


class Unauthorized(MagnumError):
    """The caller has no valid token."""

    code = 401


class Forbidden(MagnumError):
    """The caller may see this but not do it."""

    code = 403


class NotFound(MagnumError):
    """The addressed resource does not exist, or belongs to another project."""

    code = 404


class KeypairNotFound(NotFound):
    """The caller has no such Nova keypair."""


class Conflict(MagnumError):
    """The request collides with what exists."""

    code = 409


class Ambiguous(Conflict):
    """A name that several resources share."""

    def __init__(self, noun: str, name: str) -> None:
        super().__init__(f"More than one {noun} is called {first_sentence(name)}, use the uuid.")


class NotAcceptable(MagnumError):
    """The microversion asked for is malformed or not served."""

    code = 406


class Unavailable(MagnumError):
    """A service this one depends on does not answer.

    :param service: its name, for example ``Keystone``.
    """

    code = 503
    retry_after = 5

    def __init__(self, service: str, detail: str = "") -> None:
        tail = f": {first_sentence(detail)}" if detail else ""
        super().__init__(f"{service} does not answer, try again later{tail}.")
        self.service = service


class Unanswered(MagnumError):
    """An engine of a cluster, or the conductor that asks it, does not answer in time."""

    code = 504
    retry_after = 5


class Told(MagnumError):
    """What another process of this service answered; code and words are its own."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after = 5 if code in (503, 504) else None


class LeaseLost(MagnumError):
    """Another conductor, or a newer request, has taken the operation over."""


class Misconfigured(MagnumError):
    """An option's value cannot work; the message tells the operator what to change."""
