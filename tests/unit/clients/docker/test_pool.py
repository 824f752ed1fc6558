# SPDX-License-Identifier: Apache-2.0
"""Engines are connected once, by what they have to show, and with nothing of this host."""

import base64
import json
import pathlib
import ssl
import time

import pytest
from oslo_config import cfg

from magnum.certs.x509 import KeyPolicy, create_ca, issue_client
from magnum.clients.docker.errors import EngineDistrusted
from magnum.clients.docker.pool import Engines
from magnum.clients.docker.tls import Trust
from magnum.clients.docker.transport import Client


@pytest.fixture
def trust() -> Trust:
    ca = create_ca("bay", KeyPolicy())
    ours = issue_client(ca, KeyPolicy())
    return Trust(ca.certificate_pem, ours.certificate_pem, ours.private_key_pem)


def test_engine_is_connected_once(conf: cfg.ConfigOpts, trust: Trust) -> None:
    engines = Engines(conf)
    first = engines.engine("10.0.0.5", trust)
    assert engines.engine("10.0.0.5", trust) is first
    assert engines.engine("10.0.0.6", trust) is not first
    assert first.address == "10.0.0.5:2376"
    assert engines.engine("fd00::5", None).address == "[fd00::5]:2376"


def test_engine_of_another_authority_is_another_one(conf: cfg.ConfigOpts, trust: Trust) -> None:
    engines = Engines(conf)
    ca = create_ca("bay", KeyPolicy())
    other = Trust(ca.certificate_pem, trust.certificate, trust.private_key)
    seen = {engines.engine("10.0.0.5", each) for each in (trust, other, None)}
    assert len(seen) == 3


def test_idle_engine_is_forgotten(
    conf: cfg.ConfigOpts, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    engines = Engines(conf)
    closed: list[Client] = []

    def close(client: Client) -> None:
        closed.append(client)

    monkeypatch.setattr(Client, "close", close)
    first, busy = engines.engine("10.0.0.5", trust), engines.engine("10.0.0.6", trust)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 200)
    assert engines.engine("10.0.0.6", trust) is busy
    monkeypatch.setattr(time, "monotonic", lambda: now + 400)
    assert engines.engine("10.0.0.6", trust) is busy
    assert len(closed) == 1
    assert engines.engine("10.0.0.5", trust) is not first


def test_key_that_cannot_be_read_is_told_without_it(conf: cfg.ConfigOpts, trust: Trust) -> None:
    wrong = Trust(trust.authority, trust.certificate, "secret")
    with pytest.raises(EngineDistrusted) as error:
        Engines(conf).engine("10.0.0.5", wrong)
    assert "secret" not in error.value.message
    assert "secret" not in repr(wrong)


def test_key_is_never_on_a_disk(trust: Trust, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    genuine = ssl.SSLContext.load_cert_chain

    def load(self: ssl.SSLContext, path: str) -> None:
        read.append(str(pathlib.Path(path).readlink()))
        genuine(self, path)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", load)
    context = trust.context()
    assert ["memfd:certificate" in path for path in read] == [True]
    assert len(context.get_ca_certs()) == 1
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)


def test_log_ins_and_proxies_of_this_host_are_shown_to_no_engine(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {
        "auths": {"registry.test": {"auth": "dXNlcjpzZWNyZXQ="}},
        "HttpHeaders": {"X-Secret": "secret"},
        "proxies": {"default": {"httpProxy": "http://proxy"}},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("HTTP_PROXY", "http://proxy")
    client = Client("http://10.0.0.5:2376", None, 2)
    sent = []

    class Gone(Exception):
        pass

    def send(request, **options):
        sent.append((request, options))
        raise Gone

    monkeypatch.setattr(client.get_adapter("http://10.0.0.5:2376"), "send", send)
    for ask in (
        lambda: client.pull("registry.test/app", "1"),
        lambda: client.create_container("app:1"),
    ):
        with pytest.raises(Gone):
            ask()
    client.close()
    for request, options in sent:
        assert "X-Secret" not in request.headers
        assert base64.b64decode(request.headers.get("X-Registry-Auth", "e30=")) == b"{}"
        assert "proxy" not in str(request.body)
        assert not options["proxies"]
