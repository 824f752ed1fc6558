# SPDX-License-Identifier: Apache-2.0
"""Every way a library can fail becomes one of ours."""

import json

import pytest
import requests
from barbicanclient import exceptions as barbican
from glanceclient import exc as glance
from heatclient import exc as heat
from keystoneauth1 import exceptions as keystone
from novaclient import exceptions as nova

from magnum.clients import errors
from magnum.core.errors import MagnumError, Unauthorized, Unavailable


def raised(error: Exception) -> MagnumError:
    with pytest.raises(MagnumError) as caught, errors.translate("Heat"):
        raise error
    return caught.value


@pytest.mark.parametrize(
    "error",
    [
        keystone.ConnectFailure("refused"),
        keystone.ConnectTimeout("slow"),
        keystone.SSLError("bad certificate"),
        keystone.EndpointNotFound("none"),
        keystone.DiscoveryFailure("none"),
        keystone.InternalServerError("boom"),
        keystone.ServiceUnavailable("busy"),
        keystone.TooManyRequests("slow down"),
        keystone.RequestTimeout("late"),
        heat.HTTPServiceUnavailable("{}"),
        heat.InvalidEndpoint("x"),
        heat.CommunicationError("x"),
        nova.ClientException(503),
        nova.ClientException(500, "boom"),
        glance.HTTPServiceUnavailable(),
        glance.CommunicationError("x"),
        glance.InvalidEndpoint("x"),
        barbican.HTTPServerError("boom", 502),
        requests.ConnectionError("refused"),
    ],
    ids=lambda error: type(error).__module__.split(".")[0] + "." + type(error).__name__,
)
def test_what_may_pass_is_unavailable(error):
    ours = raised(error)
    assert isinstance(ours, Unavailable)
    assert ours.code == 503
    assert ours.retry_after
    assert ours.message.startswith("Heat does not answer, try again later: ")


def heat_error(status: int, words: str) -> Exception:
    kinds = {400: heat.HTTPBadRequest, 401: heat.HTTPUnauthorized, 403: heat.HTTPForbidden}
    kinds |= {404: heat.HTTPNotFound, 409: heat.HTTPConflict}
    return kinds[status](json.dumps({"error": {"message": words}}))


def keystone_error(status: int, words: str) -> Exception:
    response = requests.Response()
    response.status_code = status
    response._content = json.dumps({"NeutronError": {"message": words}}).encode()
    response.headers["Content-Type"] = "application/json"
    return keystone.from_response(response, "GET", "http://neutron.test")


def glance_error(status: int, words: str) -> Exception:
    kinds = {400: glance.HTTPBadRequest, 401: glance.HTTPUnauthorized, 403: glance.HTTPForbidden}
    kinds |= {404: glance.HTTPNotFound, 409: glance.HTTPConflict}
    return kinds[status](words)


def barbican_error(status: int, words: str) -> Exception:
    if status == 401:
        return barbican.HTTPAuthError(words)
    return barbican.HTTPClientError(words, status)


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, errors.Rejected, 400),
        (401, errors.LoginRefused, 500),
        (403, errors.NotPermitted, 403),
        (404, errors.Missing, 500),
        (409, errors.Clash, 409),
    ],
)
@pytest.mark.parametrize(
    "make",
    [
        heat_error,
        keystone_error,
        glance_error,
        barbican_error,
        nova.ClientException,
    ],
    ids=["heat", "keystoneauth", "glance", "barbican", "nova"],
)
def test_an_answer_that_stays_keeps_the_words_of_the_service(make, status, kind, code):
    ours = raised(make(status, "Quota exceeded. Ask for more."))
    assert isinstance(ours, errors.ServiceRefused)
    assert type(ours) is kind
    assert (ours.status, ours.code) == (status, code)
    assert ours.words == "Quota exceeded. Ask for more."
    assert ours.message == "Heat refuses: Quota exceeded; Ask for more."


def test_an_unusual_status_is_refused_too():
    ours = raised(nova.ClientException(418, "teapot"))
    assert type(ours) is errors.ServiceRefused
    assert ours.code == 500


def test_what_is_not_of_a_library_passes_through():
    with pytest.raises(KeyError), errors.translate("Heat"):
        raise KeyError("ours")


def test_the_callers_token_no_longer_good_is_401():
    with pytest.raises(Unauthorized), errors.translate_for_caller("Nova"):
        raise nova.ClientException(401, "expired")


@pytest.mark.parametrize(
    "secret",
    [
        "gAAAAABmZm9vYmFyYmF6cXV4cXV1eGNvcmdl",
        "http://user:hunter2@db.test/x",
        "mysql+pymysql://user:hunter2@db.test/x",
        "http://heat.test/signal?Signature=abcdefg&x=1",
        "{'adminPass': 'hunter2'}",
        "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl",
    ],
)
def test_words_carry_no_secret(secret):
    scrubbed = errors.scrub(f"before {secret} after")
    assert scrubbed.startswith("before")
    assert scrubbed.endswith("after")
    for part in ("gAAAAABm", "hunter2", "Signature", "eyJhbGci"):
        assert part not in scrubbed


def test_long_words_are_cut():
    assert len(errors.scrub("x" * 5000)) == 1000


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"error": {"message": "a"}}', "a"),
        ('{"NeutronError": {"message": "b", "type": "T"}}', "b"),
        ('{"title": "c", "description": "d"}', "c: d"),
        ('{"badRequest": {"message": "e", "code": 400}}', "e"),
        ('{"message": "f"}', "f"),
        ("[1]", ""),
        ("<html>", ""),
    ],
)
def test_words_are_found_in_every_kind_of_body(body, words):
    assert errors.body_words(body) == words
