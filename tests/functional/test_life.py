# SPDX-License-Identifier: Apache-2.0
"""The life of a bay, with clients of two ages, unmodified."""

import pathlib

import pytest

from deployment.client import Client, ClientFailed, rows, table
from tests.functional import openssl
from tests.functional.bays import Bays

pytestmark = pytest.mark.usefixtures("nothing_left")


def _sign_a_request(magnum: Client, folder: pathlib.Path) -> None:
    """Have the bay's CA sign a fresh request, and check the certificate against that CA."""
    (folder / "ca.pem").write_text(magnum.run("ca-show", "--bay", "life"))
    request = openssl.make_request(folder, "someone")
    (folder / "cert.pem").write_text(magnum.run("ca-sign", "--bay", "life", "--csr", request))
    verified = openssl.run("verify", "-CAfile", "ca.pem", "cert.pem", folder=folder)
    assert verified == "cert.pem: OK\n"
    subject = openssl.run("x509", "-in", "cert.pem", "-noout", "-subject", folder=folder)
    assert "CN = someone" in subject


@pytest.mark.thorough  # test_documented_commands has both clients do as much, by the users' guide
def test_bay_lives_with_either_client(magnum: Client, bays: Bays, tmp_path: pathlib.Path) -> None:
    magnum.run(
        *("baymodel-create", "--name", "life-model", "--coe", "swarm"),
        *("--image-id", "fedora-21-atomic-5", "--keypair-id", "testkey"),
        *("--external-network-id", "public", "--flavor-id", "m1.small"),
    )
    magnum.run("bay-create", "--name", "life", "--baymodel", "life-model", "--node-count", "1")
    (listed,) = [row for row in rows(magnum.run("bay-list")) if row["name"] == "life"]
    bay = listed["uuid"]
    bays.wait_for(bay, "CREATE_COMPLETE")
    shown = table(magnum.run("bay-show", "life"))
    assert shown["status"] == "CREATE_COMPLETE"
    assert shown["api_address"].endswith(":2376")

    _sign_a_request(magnum, tmp_path)

    magnum.run("bay-update", "life", "replace", "node_count=2")
    grown = bays.wait_for(bay, "UPDATE_COMPLETE")
    assert grown["node_count"] == 2
    assert len(set(grown["node_addresses"])) == 2

    magnum.run("bay-delete", "life")
    bays.wait_until_gone(bay)
    assert bay not in magnum.run("bay-list")
    with pytest.raises(ClientFailed):
        magnum.run("bay-show", "life")
    magnum.run("baymodel-delete", "life-model")


@pytest.mark.parametrize("magnum", ["2.1.0"], indirect=True)  # the last one with these commands
def test_bay_tells_what_was_done_and_what_took_the_place_of_its_pods_and_shrinks(
    magnum: Client, bays: Bays, model: str
) -> None:
    bay = bays.create(model, node_count=2)
    created = bays.wait_for(bay, "CREATE_COMPLETE")
    events = bays.events(bay)
    assert events
    for event in events:
        assert {"created_at", "severity", "resource", "text"} <= set(event)
    for noun in ("pod", "rc", "coe-service"):
        with pytest.raises(ClientFailed, match="of this service any more, use kubectl"):
            magnum.run(f"{noun}-list", "--bay", bay)
    bays.resize(bay, 1)
    shrunk = bays.wait_for(bay, "UPDATE_COMPLETE")
    assert set(shrunk["node_addresses"]) < set(created["node_addresses"])
    bays.delete(bay)
    bays.wait_until_gone(bay)


def test_delete_is_accepted_while_the_bay_is_made(bays: Bays, model: str) -> None:
    bay = bays.create(model)
    bays.delete(bay)
    bays.wait_until_gone(bay)
