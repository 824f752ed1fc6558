# SPDX-License-Identifier: Apache-2.0
import contextlib
import json

import pytest
import webtest
from hypothesis import HealthCheck, given, settings, strategies as st

from magnum import policies
from magnum.api import versions, vocabulary
from magnum.core import errors, fields, labels
from magnum.core.fields import Kind
from magnum.db import models

TABLES = [
    (models.ClusterTemplate, fields.TEMPLATE_FIELDS),
    (models.Cluster, fields.CLUSTER_FIELDS),
    (models.Container, fields.CONTAINER_FIELDS),
    (models.MagnumService, fields.SERVICE_FIELDS),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(("model", "table"), TABLES)
def test_every_column_is_a_field_or_hidden_on_purpose(
    model: type[models.Base], table: tuple[fields.Field, ...]
) -> None:
    shown = {field.name for field in table if field.column}
    hidden = fields.NOT_EXPOSED[model.__tablename__]
    assert not shown & hidden
    assert shown | hidden == set(model.__mapper__.columns.keys())


@pytest.mark.parametrize("table", [table for _, table in TABLES])
def test_every_field_says_what_it_is(table: tuple[fields.Field, ...]) -> None:
    assert len({field.name for field in table}) == len(table)
    for field in table:
        assert field.doc.endswith(".")
        assert "None" not in fields.describe(field)["rule"]
        if field.column and field.kind is Kind.INTEGER and not field.read_only:
            assert None not in (field.minimum, field.maximum)


def test_texts_fit_their_columns() -> None:
    for model, table in TABLES[:3]:
        for field in table:
            if not field.column or field.kind is not Kind.TEXT or field.read_only or field.ignored:
                continue
            length = getattr(model.__mapper__.columns[field.name].type, "length", None)
            longest = field.maximum or max(map(len, field.choices))
            assert length is None or longest <= max(length, 255)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("docker_volume_size", "5", 5),
        ("docker_volume_size", 1, 1),
        ("docker_volume_size", None, None),
        ("public", "Yes", True),
        ("public", 0, False),
        ("labels", {"a": "b"}, {"a": "b"}),
        ("uuid", "8C1E0000-0000-4000-8000-00000000000A", "8c1e0000-0000-4000-8000-00000000000a"),
    ],
)
def test_right_value_is_stored(name: str, value: object, expected: object) -> None:
    assert fields.by_name(fields.TEMPLATE_FIELDS)[name].parse(value) == expected


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"DB_PASSWORD": "hunter2", "PORT": 80}, "labels.PORT is a number but must be a text."),
        ({"A": "hunter2", "B": ["hunter2"]}, "labels.B is a list but must be a text."),
        ({"A": {"hunter2": 1}}, "labels.A is an object but must be a text."),
        ({"A": None}, "labels.A is null but must be a text."),
        ({"A": True}, "labels.A is a boolean but must be a text."),
        ({"A=hunter2": 1.5}, "labels.A is a number but must be a text."),
        ({"v1. beta.": 1}, "labels.v1; beta is a number but must be a text."),
        ({"": 1}, "labels.'' is a number but must be a text."),
        ("A=hunter2", "labels is a text but must be an object whose values are all texts."),
        (["hunter2"], "labels is a list but must be an object whose values are all texts."),
    ],
)
def test_wrong_label_or_variable_is_told_by_its_name_alone(value: object, words: str) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        fields.by_name(fields.TEMPLATE_FIELDS)["labels"].parse(value)
    assert caught.value.message == words


@given(JSON)
def test_no_value_breaks_a_field(value: object) -> None:
    for _, table in TABLES[:2]:
        for field in table:
            if field.read_only:
                continue
            with contextlib.suppress(errors.InvalidField):
                field.parse(value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(JSON, st.sampled_from(["/v1/bays", "/v1/baymodels", "/v1/certificates"]))
def test_no_body_is_a_server_error(api: webtest.TestApp, body: object, path: str) -> None:
    answer = api.post(
        path, json.dumps(body).encode(), content_type="application/json", expect_errors=True
    )
    assert answer.status_int in (400, 404)
    assert answer.json["errors"][0]["title"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sampled_from(["coe", "name", "labels", "docker_volume_size", "public", "uuid"]), JSON)
def test_no_attribute_is_a_server_error(api: webtest.TestApp, name: str, value: object) -> None:
    body = {"coe": "swarm", "image_id": "fedora-atomic-21", "keypair_id": "ops", name: value}
    answer = api.post(
        "/v1/baymodels",
        json.dumps(body).encode(),
        content_type="application/json",
        expect_errors=True,
    )
    assert answer.status_int in (201, 400, 403, 409)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text())
def test_no_ident_is_a_server_error(api: webtest.TestApp, ident: str) -> None:
    environ = {"PATH_INFO": "/v1/bays/" + ident.encode(errors="replace").decode("latin-1")}
    request = webtest.TestRequest.blank("/")
    request.environ.update(environ, HTTP_X_AUTH_TOKEN="alice:blue")
    assert request.get_response(api.app).status_int < 500


def test_versions_are_contiguous() -> None:
    minors = [version.minor for version in versions.VERSIONS]
    assert minors == list(range(1, len(minors) + 1))
    assert all(reason.endswith(".") for reason in versions.VERSIONS.values())


def test_aliases_of_the_policy_are_the_vocabularies() -> None:
    expected = {word.noun: word.core for word in vocabulary.ALL if word.noun != word.core}
    assert expected == policies.ALIASES


def test_every_rule_is_there_once_and_bays_ask_clusters() -> None:
    rules = {rule.name: rule.check_str for rule in policies.list_rules()}
    assert len(rules) == len(policies.list_rules())
    assert rules["bay:get_all"] == "rule:cluster:get_all"
    assert rules["baymodel:publish"] == "rule:clustertemplate:publish"
    assert rules["certificate:create"] == "rule:admin_or_user"
    assert rules["magnum-service:get_all"] == "rule:admin_api"


@pytest.mark.parametrize(
    ("coe", "wrong"),
    [
        ("swarm", {"flannel_network_cidr": "10.0.0.1"}),
        ("swarm", {"flannel_backend": "pigeons"}),
        ("swarm", {"docker_url": "ftp://mirror/docker.tgz", "docker_sha256": "a" * 64}),
        ("swarm", {"docker_url": "http:///docker.tgz", "docker_sha256": "a" * 64}),
        ("swarm", {"docker_url": "http://[mirror/docker.tgz", "docker_sha256": "a" * 64}),
        ("swarm", {"docker_url": "http://mirror/a\nb", "docker_sha256": "a" * 64}),
        ("swarm", {"docker_url": "http://mirror/'$(id)'", "docker_sha256": "a" * 64}),
        ("swarm", {"docker_url": "http://mirror/docker.tgz", "docker_sha256": "a" * 63}),
        ("swarm", {"curl_url": "http://mirror/curl", "curl_sha256": "g" * 64}),
        ("kubernetes", {"flannel_network_subnetlen": "99"}),
        ("mesos", {"mesos_slave_isolation": "none"}),
        ("mesos", {"mesos_slave_executor_env_variables": "[]"}),
        ("mesos", {"mesos_slave_image_providers": "docker"}),
    ],
)
def test_wrong_label_is_refused(coe: str, wrong: dict[str, str]) -> None:
    with pytest.raises(errors.InvalidField):
        labels.check(coe, wrong)


def test_environment_of_executors_is_not_shown() -> None:
    with pytest.raises(errors.InvalidField, match="is a text but must be a JSON object"):
        labels.check("mesos", {"mesos_slave_executor_env_variables": "PASSWORD=hunter2"})


def test_right_and_unknown_labels_pass() -> None:
    labels.check("swarm", {"flannel_network_cidr": "10.1.0.0/16", "mine": "anything"})
    mirror = {
        "docker_url": "https://[2001:db8::1]/docker-29.tgz?x=%20&y=1",
        "docker_sha256": "aF" * 32,
    }
    labels.check("swarm", mirror)
    isolation = {"mesos_slave_isolation": "docker/runtime,cgroups/cpu"}
    labels.check("mesos", {**isolation, "mesos_slave_image_providers": "docker"})


@pytest.mark.parametrize(("given", "other"), [("docker_url", "sha256"), ("docker_sha256", "url")])
def test_a_download_without_its_other_half_is_refused(given: str, other: str) -> None:
    value = "http://mirror/docker.tgz" if given.endswith("url") else "0" * 64
    with pytest.raises(errors.InvalidField) as caught:
        labels.check("swarm", {given: value})
    words = f"The label {given} is {value!r} but must come with docker_{other}."
    assert str(caught.value) == words
