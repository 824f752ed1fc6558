# SPDX-License-Identifier: Apache-2.0
"""The search for secrets in logs finds them, or all that it says is worth nothing."""

import pathlib
import subprocess
import sys

import pytest
from cryptography.fernet import Fernet

from deployment import sentinel, wrapper
from deployment.sentinel import Sentinel

PASSWORD = 'correct/horse"battery'
FACTS = {
    "users": {"demo": {"password": "the-password-of-demo"}},
    "service_user": {"password": "the-password-of-magnum"},
    "trustee_domain": {"admin_password": "the-password-of-trustee-admin"},
    "transport_url": "rabbit://magnum:the-password-of-rabbit@127.0.0.1:5672/",
    "database": {"url_template": "mysql+pymysql://magnum:the-password-of-mysql@127.0.0.1/{name}"},
}


def search(folder: pathlib.Path, text: str) -> list[str]:
    log = folder / "service.log"
    log.write_text(f"2026-11-25 DEBUG magnum [req-1] nothing here\n{text}\nnor here\n")
    hits = Sentinel({PASSWORD: "the password of alice"}).search([log])
    assert all((hit.log, hit.line) == (log, 2) for hit in hits)
    return [hit.what for hit in hits]


@pytest.mark.parametrize(
    "line",
    [
        f"logs in with {PASSWORD}",
        "rabbit://magnum:correct%2Fhorse%22battery@127.0.0.1:5672/",
        r'{"password": "correct/horse\"battery"}',
    ],
)
def test_known_secret_is_found_however_it_is_spelt(tmp_path: pathlib.Path, line: str) -> None:
    assert search(tmp_path, line) == ["the password of alice"]


@pytest.mark.parametrize(
    "line",
    [
        "-----BEGIN EC PRIVATE KEY-----",
        r"'-----BEGIN PRIVATE KEY-----\nMIGH'",
        Fernet(Fernet.generate_key()).encrypt(b"a token of Keystone's").decode(),
        f"X-Auth-Token: gAAAAAB{'x' * 150}",
        "token eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJtYWdudW0ifQ.c2lnbmF0dXJl",
        "docker swarm join --token SWMTKN-1-abc",
    ],
)
def test_what_looks_like_a_secret_is_found(tmp_path: pathlib.Path, line: str) -> None:
    assert len(search(tmp_path, line)) == 1


def test_what_is_no_secret_is_not_found(tmp_path: pathlib.Path) -> None:
    assert search(tmp_path, "password = **** token *** correct horse gAAAA of what it begins") == []


def test_no_secret_is_in_what_is_told(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "a.log"
    log.write_text(f"\n\n{PASSWORD}\n")
    (hit,) = Sentinel({PASSWORD: "the password of alice"}).search([log])
    assert str(hit) == f"{log}:3 holds the password of alice"


def test_secrets_of_a_deployment_are_known(tmp_path: pathlib.Path) -> None:
    known = sentinel.secrets_of_cloud(FACTS)
    assert len(known) == 5
    log = tmp_path / "a.log"
    log.write_text("".join(f"{secret}\n" for secret in known))
    assert [hit.what for hit in Sentinel(known).search([log])] == list(known.values())


def test_word_is_no_secret() -> None:
    with pytest.raises(ValueError, match="the password of bob is too short to be searched for"):
        Sentinel({"magnum": "the password of bob"})


def test_processes_confess_what_they_make_and_read(tmp_path: pathlib.Path) -> None:
    """In a process of its own, as it changes modules for good."""
    program = (
        "import pathlib, sys\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "import wrapper\n"
        "wrapper._have_confessed(folder)\n"
        "from magnum.certs import sealing, x509\n"
        "from magnum.conductor import steps\n"
        "ca = x509.create_ca('c', x509.KeyPolicy('ec', 2048))\n"
        "sealing.add_key(folder / 'keys', standby=False)\n"
        "sealing.Sealer(str(folder / 'keys'))\n"
        "print(steps.node_password(ca, 'worker'))\n"
    )
    folder = str(pathlib.Path(wrapper.__file__).parent)
    command = [sys.executable, "-W", "ignore", "-c", program, str(tmp_path), folder]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    assert sentinel.confessed(tmp_path) == {
        done.stdout.strip(): "the password of a node's user",
        (tmp_path / "keys").read_text().strip(): "a key of certificates",
    }
