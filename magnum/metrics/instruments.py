# SPDX-License-Identifier: Apache-2.0
"""Every metric of the service, by Prometheus's rules of naming; the one table of them.

Values of labels are bounded: route templates, actions, names of services; never an id, a path or
anything else that a caller chooses.  Until :func:`enable` is called nothing is counted.  A test
holds the table in doc/source/admin/monitoring.rst against this one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

API, CONDUCTOR = "api", "conductor"
BOTH = (API, CONDUCTOR)

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Collector(Protocol):
    """Something that is asked for figures at each scrape."""

    def collect(self) -> Iterable[Any]:
        """Return families of prometheus_client."""
        ...


@dataclass
class _Instrument:
    """One metric.

    :ivar name: with its unit, and ``_total`` for a counter.
    :ivar text: what it tells.
    :ivar labels: names of its labels; values are given in this order.
    :ivar programs: which have it.
    """

    kind: ClassVar[str]
    name: str
    text: str
    labels: tuple[str, ...] = ()
    programs: Sequence[str] = BOTH

    def __post_init__(self) -> None:
        self._made: Any = None
        self._children: dict[tuple[str, ...], Any] = {}

    def make(self, library: Any, registry: Any) -> None:
        """Begin to count."""
        raise NotImplementedError

    def forget(self) -> None:
        """Count no more."""
        self._made = None
        self._children.clear()

    def _of(self, values: tuple[str, ...]) -> Any:
        """Return the child of these labels; the library takes longer to find it."""
        child = self._children.get(values)
        if child is None:
            child = self._made.labels(*values) if values else self._made
            self._children[values] = child
        return child


class Counter(_Instrument):
    """How often something has happened since the start."""

    kind = "counter"

    def make(self, library: Any, registry: Any) -> None:
        self._made = library.Counter(self.name, self.text, self.labels, registry=registry)

    def inc(self, *values: str) -> None:
        """Count one more."""
        if self._made is not None:
            self._of(values).inc()


class Level(_Instrument):
    """How many there are at present, of all live worker processes together."""

    kind = "gauge"

    def make(self, library: Any, registry: Any) -> None:
        self._made = library.Gauge(
            self.name, self.text, self.labels, registry=registry, multiprocess_mode="livesum"
        )

    def inc(self) -> None:
        """Note that there is one more."""
        if self._made is not None:
            self._made.inc()

    def dec(self) -> None:
        """Note that there is one less."""
        if self._made is not None:
            self._made.dec()


class Histogram(_Instrument):
    """How often, and how long it took, in seconds."""

    kind = "histogram"

    def make(self, library: Any, registry: Any) -> None:
        self._made = library.Histogram(
            self.name, self.text, self.labels, registry=registry, buckets=_SECONDS
        )

    def observe(self, seconds: float, *values: str) -> None:
        """Count one that took so long."""
        if self._made is not None:
            self._of(values).observe(seconds)


class Sampled(_Instrument):
    """What is looked up at the time of a scrape, by a :class:`Collector`."""

    kind = "gauge"

    def make(self, library: Any, registry: Any) -> None:
        self._made = library.metrics_core.GaugeMetricFamily

    def family(self, samples: Iterable[tuple[tuple[str, ...], float]]) -> Any:
        """Return what was looked up, each the values of the labels and the figure."""
        family = self._made(self.name, self.text, labels=self.labels)
        for values, figure in samples:
            family.add_metric(values, figure)
        return family


API_REQUESTS = Counter(
    "magnum_api_requests_total",
    "Requests answered, by the template of their route (none: no route has the path).",
    ("method", "route", "status"),
    (API,),
)
API_SECONDS = Histogram(
    "magnum_api_request_duration_seconds",
    "Time from a request's arrival in a worker process to its answer.",
    ("method", "route"),
    (API,),
)
API_IN_FLIGHT = Level(
    "magnum_api_requests_in_flight", "Requests being answered now.", programs=(API,)
)
CERTIFICATES_SIGNED = Counter(
    "magnum_certificates_signed_total",
    "Certificates signed, for a user of the project or for a node.",
    ("requester",),
    (API,),
)
WAKE_UPS = Counter(
    "magnum_wake_ups_total",
    "Messages to conductors that there is work (lost ones cost a sweep_interval).",
    ("outcome",),
    (API,),
)
CALLS = Histogram(
    "magnum_client_request_duration_seconds",
    "Calls to another service and the time until its answer.",
    ("service", "method", "outcome"),
)
OPERATIONS = Sampled(
    "magnum_operations",
    "Operations not finished yet, of all conductors, by the last step done.",
    ("action", "state", "step"),
    (CONDUCTOR,),
)
OLDEST = Sampled(
    "magnum_operation_oldest_age_seconds",
    "Time since the oldest operation not finished yet was asked for, 0 when there is none.",
    programs=(CONDUCTOR,),
)
DATABASE_UP = Sampled(
    "magnum_database_up",
    "Whether the database told of the operations: 1 or 0, then without them.",
    programs=(CONDUCTOR,),
)
HELD = Sampled(
    "magnum_conductor_operations_held",
    "Operations that this conductor has a lease on.",
    programs=(CONDUCTOR,),
)
FINISHED = Counter(
    "magnum_operations_finished_total",
    "Operations that this conductor brought to an end.",
    ("action", "outcome"),
    (CONDUCTOR,),
)
TAKEOVERS = Counter(
    "magnum_lease_takeovers_total",
    "Operations taken over from another conductor that had let its lease run out.",
    programs=(CONDUCTOR,),
)
NOTIFICATIONS = Counter(
    "magnum_notifications_total",
    "Notifications handed to the message bus, or not for now.",
    ("outcome",),
    (CONDUCTOR,),
)
HEALTH_CHECKS = Counter(
    "magnum_health_checks_total",
    "Looks at the nodes of a bay, by what they found: healthy, unhealthy or unknown.",
    ("outcome",),
    (CONDUCTOR,),
)
HEARTBEATS = Counter(
    "magnum_conductor_heartbeats_total",
    "Heartbeats written to the database.",
    programs=(CONDUCTOR,),
)
SWEEPS = Counter(
    "magnum_conductor_sweeps_total",
    "Looks into the table for operations that nobody works on.",
    programs=(CONDUCTOR,),
)

ALL: tuple[_Instrument, ...] = (
    API_REQUESTS,
    API_SECONDS,
    API_IN_FLIGHT,
    CERTIFICATES_SIGNED,
    WAKE_UPS,
    CALLS,
    OPERATIONS,
    OLDEST,
    DATABASE_UP,
    HELD,
    FINISHED,
    TAKEOVERS,
    NOTIFICATIONS,
    HEALTH_CHECKS,
    HEARTBEATS,
    SWEEPS,
)


def enable(program: str) -> Any:
    """Begin to count in this process.

    :param program: :data:`API` or :data:`CONDUCTOR`.
    :returns: a registry of prometheus_client with what this process counts.
    """
    import prometheus_client  # noqa: PLC0415 -- 3.5 MiB, and it looks at its environment just once

    prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = prometheus_client.CollectorRegistry()
    for instrument in ALL:
        if program in instrument.programs:
            instrument.make(prometheus_client, registry)
    return registry


def disable() -> None:
    """Count no more in this process."""
    for instrument in ALL:
        instrument.forget()
