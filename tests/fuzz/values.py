# SPDX-License-Identifier: Apache-2.0
"""Values for the fields of the table: right ones, wrong ones and those at the bounds."""

import json
from typing import Any

from hypothesis import strategies as st

from magnum.api.vocabulary import Word
from magnum.core.fields import Field, Kind
from tests.fuzz import world

Values = st.SearchStrategy[Any]


def weighted(*choices: tuple[int, Values]) -> Values:
    """Return one of several strategies, each as often as its number says; one_of has no weights."""
    return st.sampled_from([part for times, part in choices for _ in range(times)]).flatmap(
        lambda part: part
    )


ODD_TEXTS = (
    *("", " ", ".", "sent. ence", "..", "null", "true", "0", "-1", "1e3", "\n", "\t.\r\n x"),
    *("\0", "a\0b", "\x1b[31m", "\ud800", "\udfff\ud800", "\ufeff", "\u202eabc", "\u200b"),
    *("e\u0301" * 9, "\U0001f600" * 9, "\u0663", "\uff11", "\u2028x. y", "ß", "İ", "ﬁ"),
    *("a" * 242, "a" * 243, "a" * 255, "a" * 256, "\U0001f600" * 255, "x" * 70000),
    *("%s%n", "{0.__class__}", "${x}", "'; DROP TABLE cluster; --", "../../etc/passwd", "<b>"),
)
NUMERALS = ("1", "+1", "-1", "01", " 1", "1.0", "1_0", "0x1", "\u0661", "1" * 25, "1" * 5000, "1e1")
RAW_NUMBERS = ("1e400", "-1e400", "NaN", "Infinity", "-Infinity", "1E2", "-0", "1.0", "9" * 5000)
"""Numbers that only JSON's text can hold; a body has ``@`` before them until it is text."""

any_text = st.one_of(
    st.sampled_from(ODD_TEXTS), st.text(st.characters(exclude_categories=()), max_size=40)
)
any_number = st.one_of(
    st.integers(-(2**70), 2**70),
    st.sampled_from([0, 1, -1, 2**31 - 1, 2**31, 2**63, 10**40]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([f"@{number}" for number in RAW_NUMBERS]),
)
scalars = st.one_of(st.none(), st.booleans(), any_number, any_text, st.sampled_from(NUMERALS))
junk = st.recursive(
    scalars,
    lambda part: st.one_of(st.lists(part, max_size=4), st.dictionaries(any_text, part, max_size=4)),
    max_leaves=8,
)

_few = st.integers(1, 200).flatmap(lambda number: st.sampled_from([number, str(number)]))
"""Numbers of nodes that a /24 has addresses for."""

_KNOWN: dict[str, Values] = {
    "image_id": st.just("fedora-atomic-21"),
    "keypair_id": st.sampled_from(["ops", "ops", None]),
    "external_network_id": st.just("public"),
    "flavor_id": st.sampled_from(["m1.small", "1", None]),
    "master_flavor_id": st.sampled_from(["m1.medium", None]),
    "cluster_template_id": st.sampled_from([*world.USABLE * 4, *world.TEMPLATE_IDENTS]),
    "coe": st.sampled_from(["swarm"] * 8 + ["kubernetes", "mesos"]),
    "server_type": st.sampled_from(["vm", None]),
    "network_driver": st.sampled_from(["docker", "flannel", None]),
    "volume_driver": st.none(),
    "docker_volume_size": st.integers(3, 50),
    "http_proxy": st.just("http://proxy.test:3128"),
    "https_proxy": st.just("http://proxy.test:3128"),
    "no_proxy": st.just("localhost,.test"),
    "insecure_registry": st.just("registry.test:5000"),
    "fixed_network": st.sampled_from(["10.1.0.0/16", "private", None]),
    "fixed_subnet": st.none(),
    "registry_enabled": st.sampled_from([False, "no", None]),
    "master_lb_enabled": st.sampled_from([False, "off", None]),
    "image": st.sampled_from(
        ["busybox", "registry.test:5000/team/app:1.2", "a@sha256:" + "0" * 64]
    ),
    "command": st.sampled_from(["ls -l", "sh -c 'sleep 9'", "", None]),
    "memory": st.sampled_from(["64m", "6M", "7340032", "0.1g", None]),
    "environment": st.dictionaries(st.sampled_from(["A", "b", "é. b"]), st.text("a=é ")),
    "cluster_id": st.sampled_from([world.ident(name) for name in world.HOSTS * 3 + ("of-red",)]),
    "uuid": st.one_of(st.none(), st.uuids().map(str)),
    "node_count": _few,
    "master_count": st.integers(1, 7),
}
labels = st.dictionaries(
    st.one_of(
        st.sampled_from(["flannel_backend", "flannel_network_cidr", "flannel_network_subnetlen"]),
        st.text(max_size=9),
    ),
    st.one_of(
        st.sampled_from(["udp", "vxlan", "10.0.0.0/8", "24", "24.0", "10.0.0.1/8"]),
        st.text(max_size=9),
    ),
    max_size=3,
)


def right(field: Field) -> Values:
    """Return values that a creation may have."""
    if field.name in _KNOWN:
        return _KNOWN[field.name]
    if field.choices:
        return st.sampled_from(field.choices)
    small, large = field.minimum or 0, min(field.maximum or 40, 40)
    by_kind: dict[Kind, Values] = {
        Kind.INTEGER: st.integers(small, field.maximum).flatmap(
            lambda number: st.sampled_from([number, str(number)])
        ),
        Kind.BOOLEAN: st.sampled_from([True, False, "True", "no", 1, 0]),
        Kind.IPV4: st.ip_addresses(v=4).map(str),
        Kind.LABELS: labels,
    }
    if field.pattern:
        return st.text("abz.-_09", max_size=large - 1).map("a{}".format)
    return by_kind.get(field.kind, st.text("abcé-_. \U0001f600", min_size=small, max_size=large))


def bounds(field: Field) -> Values:
    """Return values at the bounds of a field and just beyond them."""
    ends = [end for end in (field.minimum, field.maximum) if end is not None]
    near = [max(end + step, 0) for end in ends for step in (-1, 0, 1)]
    if field.kind is Kind.INTEGER:
        signed = [end + step for end in ends for step in (-1, 0, 1)]
        return st.sampled_from([*signed, *map(str, signed), *NUMERALS])
    if field.kind is Kind.TEXT and near:
        return st.builds(
            lambda length, letter: letter * length,
            st.sampled_from(near),
            st.sampled_from("a1 é\U0001f600"),
        )
    return junk


def body(words: tuple[Word, ...], mandatory: tuple[str, ...] = ()) -> Values:
    """Return bodies of a creation, most of them right but for one thing or two.

    :param mandatory: names that they have besides those the table demands.
    """
    can_send = [word for word in words if not (word.field.read_only or word.field.ignored)]
    must = {
        word.name: right(word.field)
        for word in can_send
        if word.field.mandatory or word.name in mandatory
    }
    may = {word.name: right(word.field) for word in can_send if word.name not in must}
    complete = st.fixed_dictionaries(must, optional=may)
    changes = st.lists(_change(words), max_size=2)
    return st.one_of(complete, st.builds(_changed, complete, changes))


def _change(words: tuple[Word, ...]) -> Values:
    """Return pairs of an attribute and what to set it to."""
    return st.one_of(
        st.sampled_from(words).flatmap(
            lambda word: st.tuples(st.just(word.name), st.one_of(bounds(word.field), junk))
        ),
        st.tuples(st.one_of(any_text, st.sampled_from(["id", "project_id", "flavor"])), junk),
    )


def _changed(body: dict[str, Any], changes: list[tuple[str, Any]]) -> dict[str, Any]:
    return {**body, **dict(changes)}


def encoded(value: Any, ascii_only: bool = True) -> bytes:
    """Return a value as JSON, with numbers that Python has none for."""
    text = json.dumps(value, ensure_ascii=ascii_only)
    for number in RAW_NUMBERS:
        text = text.replace(f'"@{number}"', number)
    return text.encode("utf-8", "surrogatepass")
