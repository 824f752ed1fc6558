# SPDX-License-Identifier: Apache-2.0
"""Certificates in the database, and Barbican away."""

import pathlib
import time
from collections.abc import Iterator

import pytest

from deployment import cloud as clouds
from deployment.cloud import Cloud
from deployment.service import Deployment
from minicloud.processes import Processes
from tests.functional import openssl
from tests.functional.bays import Bays
from tests.functional.conftest import Restart

pytestmark = pytest.mark.usefixtures("nothing_left")

UNCACHED = {"certificates": {"cache_seconds": "0"}}


@pytest.fixture
def barbican(restart: Restart, cloud: Cloud) -> Iterator[Processes]:
    """The mini cloud's processes; Barbican runs again in the end, whatever happens."""
    yield Processes(cloud.prefix)
    clouds.up(cloud.prefix)


def _check_signing(bays: Bays, bay: str, folder: pathlib.Path) -> None:
    """Have the bay's CA sign a request, and check the certificate against that CA."""
    shown = bays.send("GET", f"/certificates/{bay}")
    assert shown.status == 200, shown
    (folder / "ca.pem").write_text(shown.body["pem"])
    csr = openssl.make_request(folder, "someone").read_text()
    signed = bays.send("POST", "/certificates", {"bay_uuid": bay, "csr": csr})
    assert signed.status == 201, signed
    (folder / "cert.pem").write_text(signed.body["pem"])
    verified = openssl.run("verify", "-CAfile", "ca.pem", "cert.pem", folder=folder)
    assert verified == "cert.pem: OK\n"


def test_bay_lives_with_its_keys_in_the_database_while_their_key_rotates(
    restart: Restart, deployment: Deployment, bays: Bays, model: str, tmp_path: pathlib.Path
) -> None:
    keys = tmp_path / "certificates.keys"
    options = {"cert_manager_type": "database", "encryption_key_file": str(keys)}
    restart({"certificates": UNCACHED["certificates"] | options}, ["new-certificate-key"])
    bay = bays.create(model)
    bays.wait_for(bay, "CREATE_COMPLETE")
    _check_signing(bays, bay, tmp_path)
    first = keys.read_text()
    deployment.run("magnum-db-manage", "new-certificate-key")
    said = deployment.run("magnum-db-manage", "rotate-certificate-keys")
    assert "Encrypted anew: 2;" in said
    keys.write_text(keys.read_text().removesuffix(first))
    _check_signing(bays, bay, tmp_path)
    bays.delete(bay)
    bays.wait_until_gone(bay)
    said = deployment.run("magnum-db-manage", "rotate-certificate-keys")
    assert "Encrypted anew: 0; under the newest key already: 0" in said


def _wait_for_warning(bays: Bays, bay: str, text: str) -> None:
    deadline = time.monotonic() + 60
    while not any(
        event["severity"] == "WARNING" and text in event["text"] for event in bays.events(bay)
    ):
        assert time.monotonic() < deadline, bays.events(bay)
        time.sleep(0.5)


def test_without_barbican_bays_wait_for_it_and_certificates_are_a_503(
    restart: Restart, barbican: Processes, cloud: Cloud, bays: Bays, model: str
) -> None:
    restart(UNCACHED)
    bay = bays.create(model)
    bays.wait_for(bay, "CREATE_COMPLETE")
    barbican.stop(["barbican"])
    body = {"bay_uuid": bay, "csr": "any"}
    for reply in (
        bays.send("GET", f"/certificates/{bay}"),
        bays.send("POST", "/certificates", body),
    ):
        assert reply.status == 503, reply
        assert int(reply.headers["retry-after"]) > 0
        assert reply.body["errors"][0]["title"].startswith("Barbican does not answer")
    waiting = bays.create(model)
    _wait_for_warning(bays, waiting, "Barbican does not answer")
    assert bays.show(waiting).body["status"] == "CREATE_IN_PROGRESS"
    clouds.up(cloud.prefix)
    bays.wait_for(waiting, "CREATE_COMPLETE")
    for one in (bay, waiting):
        bays.delete(one)
    for one in (bay, waiting):
        bays.wait_until_gone(one)
