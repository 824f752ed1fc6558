# SPDX-License-Identifier: Apache-2.0
"""Checks of what a template names in the cloud, before anything is written.

They are made with the caller's own token (may this user use this keypair, image, network?) and
all at once, so that a request waits for the slowest service only, and for none of them longer than
``[api] checks_timeout``.

Each service has threads of its own, twice as many as requests are served at a time.  So one that
hangs keeps no thread from the others, and what waits for it never grows: a check that found no
thread in time is dropped, and one that is under way ends soon after its request, because its calls
get no more time than the request has left.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from magnum.clients import cinder, glance, neutron, nova
from magnum.clients.sessions import CloudSession, Sessions
from magnum.context import RequestContext, carried
from magnum.core import errors
from magnum.core.idents import is_cidr
from magnum.db.models import ClusterTemplate

SERVICES = ("Keystone", "Glance", "Nova", "Neutron")
CHECKS_A_SERVICE = 2
"""Most checks of one request that one service is asked for."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What the checks learnt.

    :ivar os_distro: of the image.
    :ivar ssh_public_key: of the keypair in OpenSSH format, or None where there is no keypair.
    """

    os_distro: str
    ssh_public_key: str | None


class Preflight:
    """Asks Glance, Nova and Neutron whether they have what a template names."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        options = sessions.conf.api
        self._seconds = options.checks_timeout
        self._threads = {
            service: ThreadPoolExecutor(CHECKS_A_SERVICE * options.threads, f"check-{service}")
            for service in SERVICES
        }

    def check(
        self, context: RequestContext, template: ClusterTemplate, *, of_cluster: bool = False
    ) -> Findings:
        """Look every named thing up.

        :param of_cluster: whether a cluster is about to be made from it, which needs the services
            that the template can be written without.
        :raises InvalidField: it wants volumes and the cloud has no service for them.
        :raises ReferencedMissing: image, flavor or network is not there for this caller, or the
            image has no os_distro.
        :raises KeypairNotFound: the keypair is not.
        :raises Ambiguous: several images or networks have the name.
        :raises Unavailable: a service does not answer.
        """
        deadline = time.monotonic() + self._seconds
        caller = partial(self._sessions.caller, context, deadline)
        session = self._start("Keystone", _carried(context, caller)).answer(deadline)
        if of_cluster and template.docker_volume_size:
            cinder.check_volumes(session, template.docker_volume_size)
        asked = {
            what: self._start(service, _carried(context, partial(check, session)))
            for what, service, check in _checks(template)
        }
        try:
            found = {what: one.answer(deadline) for what, one in asked.items()}
        finally:
            for one in asked.values():
                one.future.cancel()
        return Findings(found["image"], found.get("keypair"))

    def _start(self, service: str, check: Callable[[], Any]) -> "_Asked":
        return _Asked(service, self._threads[service].submit(check))


def _carried(context: RequestContext, check: Callable[[], Any]) -> Callable[[], Any]:
    """Have a check made under the caller's request id, whatever thread makes it."""

    def run() -> Any:
        with carried(lambda: context):
            return check()

    return run


@dataclass(frozen=True, slots=True)
class _Asked:
    """A check under way."""

    service: str
    future: "Future[Any]"

    def answer(self, deadline: float) -> Any:
        """Wait for its end and return or raise what it does; drop it if it has not begun by then.

        :raises Unavailable: it is not over at the deadline.
        """
        try:
            return self.future.result(max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            self.future.cancel()
            raise errors.Unavailable(self.service, "timed out") from None


_Check = tuple[str, str, Callable[[CloudSession], Any]]


def _checks(template: ClusterTemplate) -> Iterator[_Check]:
    """Yield each check with its name and its service; the first that fails is the one reported."""
    yield "image", "Glance", partial(glance.os_distro, name_or_id=template.image_id)
    fields = ("flavor_id", "master_flavor_id")
    if flavors := {field: named for field in fields if (named := getattr(template, field))}:
        yield "flavors", "Nova", partial(nova.check_flavors, wanted=flavors)
    if template.keypair_id:
        yield "keypair", "Nova", partial(nova.keypair_public_key, name=template.keypair_id)
    if network := template.external_network_id:
        external = partial(neutron.check_external_network, name_or_id=network)
        yield "external network", "Neutron", external
    if template.fixed_network and not is_cidr(template.fixed_network):
        network, subnet = template.fixed_network, template.fixed_subnet
        fixed = partial(neutron.check_fixed_network, network=network, subnet=subnet)
        yield "fixed network", "Neutron", fixed
