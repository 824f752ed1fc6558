# SPDX-License-Identifier: Apache-2.0
"""The microversion table, and the headers a microversion travels in.

Called by the middleware of :mod:`magnum.api.app`; the only module with version numbers in it.
Nothing else compares versions with bare tuples: a change of behaviour has a name here.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from magnum.core import errors

StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class Version(NamedTuple):
    """A microversion."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


VERSIONS: Mapping[Version, str] = {
    Version(1, 1): "The API as of 2016: creating and updating a bay answers with the bay.",
    Version(1, 2): "Creating and updating a bay answers 202 and the uuid alone, at once.",
    Version(1, 3): "Updating a bay takes the query parameter rollback.",
}
"""Every version served and what it changed, oldest first."""

MIN, MAX = min(VERSIONS), max(VERSIONS)

ASYNC_BAYS = Version(1, 2)
ROLLBACK = Version(1, 3)

HEADER = "OpenStack-API-Version"
LEGACY_HEADER = "X-OpenStack-Magnum-API-Version"
SERVICE_NAMES = (
    "container-infra",
    "container-infrastructure",
    "container-infrastructure-management",
)
HELP = "https://specs.openstack.org/openstack/api-wg/guidelines/microversion_specification.html"


class Unsupported(errors.NotAcceptable):
    """The version asked for is not served; rendered with what is."""


def negotiate(environ: Mapping[str, Any]) -> Version:
    """Choose the version of a request: the smallest one unless its headers say otherwise.

    :raises Unsupported: what they say is malformed, for another service, or not served.
    """
    modern = environ.get("HTTP_OPENSTACK_API_VERSION")
    if modern is not None:
        return _checked(_ours(modern), modern)
    legacy = environ.get("HTTP_X_OPENSTACK_MAGNUM_API_VERSION")
    if legacy is not None:
        return _checked(legacy.strip(), legacy)
    return MIN


def _ours(header: str) -> str | None:
    """Return the version of the part of a comma list that is about this service."""
    for part in header.split(","):
        words = part.split()
        if len(words) == 2 and words[0].lower() in SERVICE_NAMES:
            return words[1]
    return None


def _checked(text: str | None, header: str) -> Version:
    if text is None:
        raise Unsupported(
            f"The header {HEADER} is {_shown(header)} but must be '{SERVICE_NAMES[0]} <version>' "
            f"with a version from {MIN} to {MAX} or latest."
        )
    if text.lower() == "latest":
        return MAX
    major, dot, minor = text.partition(".")
    if not (dot and _is_number(major) and _is_number(minor)):
        raise Unsupported(f"The version {_shown(text)} must be two numbers, such as {MAX}.")
    version = Version(int(major), int(minor))
    if version not in VERSIONS:
        raise Unsupported(f"Version {version} is not served, use one from {MIN} to {MAX}.")
    return version


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _shown(text: str) -> str:
    return repr(errors.first_sentence(text, 80))


def response_headers(environ: Mapping[str, Any], used: Version | None) -> list[tuple[str, str]]:
    """Return the headers that tell a client what is served and what was used.

    :param used: None when the negotiation failed.
    """
    words = environ.get("HTTP_OPENSTACK_API_VERSION", "").lower().split()
    service = next((word for word in words if word in SERVICE_NAMES), SERVICE_NAMES[0])
    headers = [
        ("OpenStack-API-Minimum-Version", f"{service} {MIN}"),
        ("OpenStack-API-Maximum-Version", f"{service} {MAX}"),
        ("X-OpenStack-Magnum-API-Minimum-Version", str(MIN)),
        ("X-OpenStack-Magnum-API-Maximum-Version", str(MAX)),
        ("Vary", f"{HEADER}, {LEGACY_HEADER}"),
    ]
    if used is not None:
        headers += [(HEADER, f"{service} {used}"), (LEGACY_HEADER, str(used))]
    return headers


class Negotiation:
    """Middleware: settles the version of a request and tells it in the answer, whatever that is.

    A failure is only noted here, so that a caller without a token learns of that first; the
    router raises it.
    """

    def __init__(self, app: Application) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request; the list of versions at the root is there for every version."""
        if not environ.get("PATH_INFO", "").strip("/"):
            environ["magnum.version"] = MIN
            return self._app(environ, start_response)
        used: Version | None = None
        try:
            used = environ["magnum.version"] = negotiate(environ)
        except Unsupported as error:
            environ["magnum.version"] = error
        extra = response_headers(environ, used)

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            return start_response(status, headers + extra, *more)

        return self._app(environ, start)
