# SPDX-License-Identifier: Apache-2.0
"""The API in the servers there are examples for, and what they and systemd are told."""

import contextlib
import http.client
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator

import pytest

from tests.packaging.commands import ROOT, program, run

BIN = pathlib.Path(sys.executable).parent
SITES = sorted((ROOT / "etc" / "apache2" / "sites-available").glob("*.conf"))
MODULES = pathlib.Path("/usr/lib/apache2/modules")
APACHE = (
    *("mpm_event", "authz_core", "alias", "env", "headers", "socache_shmcb", "ssl"),
    *("proxy", "proxy_http", "proxy_uwsgi", "wsgi"),
)
PATIENCE = 60

CONFIG = """\
[api]
host = 127.0.0.1
port = {port}
workers = 1
[database]
connection = sqlite:///{home}/magnum.sqlite
[keystone_authtoken]
auth_url = http://127.0.0.1:1/v3
www_authenticate_uri = http://127.0.0.1:1/v3
auth_type = password
username = magnum
password = unused
project_name = service
"""


@pytest.fixture
def port() -> int:
    return free_port()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


@pytest.fixture
def home(tmp_path: pathlib.Path, port: int) -> pathlib.Path:
    """The home directory of a user with a configuration of the service."""
    (tmp_path / ".magnum").mkdir()
    config = CONFIG.format(home=tmp_path, port=port)
    (tmp_path / ".magnum" / "magnum.conf").write_text(config)
    return tmp_path


@contextlib.contextmanager
def running(*command: object, home: pathlib.Path, **more: str) -> Iterator[subprocess.Popen]:
    """Run a server; the test fails when it does not end well at SIGTERM."""
    log = home / f"{pathlib.Path(str(command[0])).name}.log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            [str(word) for word in command],
            cwd=home,
            env={**os.environ, "HOME": str(home), **more},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield child
        child.send_signal(signal.SIGTERM)
        assert child.wait(PATIENCE) == 0, log.read_text()[-4000:]
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()


def wait_for(condition: Callable[[], bool], child: subprocess.Popen) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert child.poll() is None, "the server has ended by itself"
        assert time.monotonic() < deadline, "the server is not ready"
        time.sleep(0.1)


def all_workers_are_ready(home: pathlib.Path) -> bool:
    """Tell whether both of uWSGI's workers are; one that still starts does not hear SIGTERM."""
    return (home / "uwsgi.log").read_text().count("WSGI app 0 ") == 2


def get(port: int, path: str) -> int:
    """Return the status of an answer, 0 when there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except ConnectionError:
        return 0
    finally:
        connection.close()


def changed(text: str, **changes: str) -> str:
    """Replace words of an example by those of this test; each has to be there."""
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text


def apache_config(site: str, home: pathlib.Path) -> pathlib.Path:
    """Write the main file that Debian's package has, in short, with one site."""
    (home / "site.conf").write_text(site)
    loaded = "".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so\n" for name in APACHE)
    main = home / "apache2.conf"
    main.write_text(
        f"ServerRoot {home}\nServerName controller\nPidFile {home}/pid\nUser nobody\n"
        f"{loaded}Define APACHE_LOG_DIR {home}\nErrorLog {home}/error.log\nMutex pthread\n"
        f"LogFormat %h combined\nInclude {home}/site.conf\n"
    )
    return main


@pytest.mark.parametrize("site", SITES, ids=lambda path: path.stem)
def test_site_is_one_that_apache_takes(site: pathlib.Path, tmp_path: pathlib.Path) -> None:
    key, certificate = tmp_path / "magnum.key", tmp_path / "magnum.pem"
    run(
        *("openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt"),
        *("ec_paramgen_curve:P-256", "-subj", "/CN=controller", "-keyout", key),
        *("-out", certificate),
        cwd=tmp_path,
    )
    text = site.read_text()
    if "SSLEngine" in text:
        text = changed(
            text,
            **{
                "/etc/ssl/private/magnum.key": str(key),
                "/etc/ssl/certs/magnum.pem": str(certificate),
            },
        )
    text = text.replace("user=magnum group=magnum", "user=nobody group=nogroup")
    main = apache_config(text, tmp_path)
    apache = program("apache2")
    assert run(apache, "-t", "-f", main, cwd=tmp_path).strip() == "Syntax OK"
    assert "*:9511" in run(apache, "-t", "-D", "DUMP_VHOSTS", "-f", main, cwd=tmp_path)


def test_uwsgi_serves_the_api_with_its_metrics_and_ends_well(home: pathlib.Path, port: int) -> None:
    another_port = free_port()
    with (home / ".magnum" / "magnum.conf").open("a") as config:
        config.write(f"[metrics]\napi_port = {another_port}\ndirectory = {home}/metrics\n")
    example = (ROOT / "etc" / "uwsgi" / "magnum-api.ini").read_text()
    address = {"socket = /run/magnum/api.sock": f"http-socket = 127.0.0.1:{port}"}
    (home / "magnum.ini").write_text(changed(example, **address))
    options = ("--ini", home / "magnum.ini", "--home", BIN.parent)
    with running(BIN / "uwsgi", *options, home=home) as child:
        wait_for(lambda: all_workers_are_ready(home), child)
        assert get(port, "/v1") == 200
        assert get(port, "/v1/bays") == 401
        told = urllib.request.urlopen(f"http://127.0.0.1:{another_port}/metrics").read().decode()
        assert 'route="/v1/bays",status="401"} 1.0' in told


def test_apache_before_uwsgi_serves_the_api(home: pathlib.Path, port: int) -> None:
    home.chmod(0o755)
    where = home / "api.sock"
    example = (ROOT / "etc" / "uwsgi" / "magnum-api.ini").read_text()
    (home / "magnum.ini").write_text(changed(example, **{"/run/magnum/api.sock": str(where)}))
    site = (ROOT / "etc" / "apache2" / "sites-available" / "magnum-uwsgi.conf").read_text()
    address = {"/run/magnum/api.sock": str(where), "*:9511": f"127.0.0.1:{port}"}
    main = apache_config(
        changed(site, **address).replace("Listen 9511", f"Listen 127.0.0.1:{port}"), home
    )
    options = ("--ini", home / "magnum.ini", "--home", BIN.parent)
    with (
        running(BIN / "uwsgi", *options, home=home) as uwsgi,
        running(program("apache2"), "-D", "FOREGROUND", "-f", main, home=home) as apache,
    ):
        wait_for(lambda: all_workers_are_ready(home), uwsgi)
        wait_for(lambda: get(port, "/v1") == 200, apache)
        assert get(port, "/v1/bays") == 401


def test_api_tells_systemd_when_it_listens(home: pathlib.Path, port: int) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(home / "notify"))
        systemd.settimeout(PATIENCE)
        with running(BIN / "magnum-api", home=home, NOTIFY_SOCKET=str(home / "notify")) as child:
            assert b"READY=1" in systemd.recv(1024)
            wait_for(lambda: get(port, "/v1") == 200, child)
