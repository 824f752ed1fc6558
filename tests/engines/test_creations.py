# SPDX-License-Identifier: Apache-2.0
"""Making containers on real engines: images, names, many at a time, and deaths."""

import json
import pathlib
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from magnum.core import errors
from magnum.db.session import Database
from tests.engines.bay import Bay
from tests.engines.registry import ADDRESS, IMAGE, MISSING_IMAGE, SLOW_IMAGE

ROOT = pathlib.Path(__file__).parents[2]


def test_image_that_is_not_there_is_pulled(bay: Bay) -> None:
    uuid = bay.write()
    with bay.docker_of(uuid) as client:
        client.remove_image(IMAGE, force=True)
    bay.call("create", uuid)
    bay.call("start", uuid)
    assert bay.status(uuid) == ("Running", None)


def test_image_that_the_registry_lacks_is_missing_in_its_words(bay: Bay) -> None:
    uuid = bay.write(image=MISSING_IMAGE)
    with pytest.raises(errors.Told, match=r"manifest unknown") as error:
        bay.call("create", uuid)
    assert error.value.code == 404
    row = bay.row(uuid)
    assert row is not None
    assert (row.status, row.docker_id) == ("Error", None)
    assert "manifest unknown" in str(row.status_reason)
    bay.call("delete", uuid)
    assert bay.row(uuid) is None


def test_registry_that_is_away_is_tried_again_and_then_told(bay: Bay) -> None:
    uuid = bay.write(image="10.79.0.1:5999/busybox:1")
    assert bay.answer_within(1.5, "create", uuid) is None
    row = bay.row(uuid)
    assert row is not None
    assert row.status == "Unknown"
    assert "connection refused" in str(row.status_reason)
    bay.sweep_until(lambda: (row := bay.row(uuid)) and row.status == "Error")


def test_slow_image_keeps_nobody_waiting(bay: Bay) -> None:
    registry = bay.swarm.registry
    registry.opened.clear()
    try:
        slow = bay.write(image=SLOW_IMAGE)
        twin = bay.write(image=SLOW_IMAGE)
        assert bay.answer_within(2, "create", slow) is None
        row = bay.row(slow)
        assert row is not None
        assert (row.status, row.status_reason) == ("Unknown", f"Pulls image {SLOW_IMAGE}.")
        assert bay.answer_within(1.5, "create", twin) is None
        quick = bay.create()
        bay.call("start", quick)
        assert bay.status(quick)[0] == "Running"
    finally:
        registry.opened.set()
    bay.sweep_until(lambda: all(_is_made(bay, uuid) for uuid in (slow, twin)))


def test_container_that_is_deleted_while_it_is_made_leaves_nothing(bay: Bay) -> None:
    registry = bay.swarm.registry
    uuid = bay.write(image=f"{ADDRESS}/slow:2")
    registry.opened.clear()
    try:
        assert bay.answer_within(1, "create", uuid) is None
        assert bay.answer_within(1, "delete", uuid) is None
        assert bay.row(uuid) is not None
    finally:
        registry.opened.set()
    bay.sweep_until(lambda: bay.row(uuid) is None)
    assert bay.copies(uuid) == 0


def test_name_that_is_taken_on_the_engine_is_a_conflict(bay: Bay) -> None:
    uuid = bay.write(name="taken")
    with bay.docker_of(uuid) as client:
        other = client.create_container(IMAGE, "true", name="taken")["Id"]
        try:
            with pytest.raises(errors.Told, match="already in use") as error:
                bay.call("create", uuid)
        finally:
            client.remove_container(other)
    assert error.value.code == 409


def test_twenty_at_a_time_are_spread_over_the_workers(bay: Bay) -> None:
    with ThreadPoolExecutor(20) as pool:
        uuids = list(pool.map(lambda _: bay.create(), range(20)))
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda uuid: bay.call("start", uuid), uuids)) == [None] * 20
    assert set(bay.statuses(*uuids).values()) == {("Running", None)}
    assert [bay.copies(uuid) for uuid in uuids] == [1] * 20
    hosts = [bay.daemon_of(uuid).name for uuid in uuids]
    counts = {name: hosts.count(name) for name in set(hosts)}
    assert set(counts) == {worker.name for worker in bay.swarm.workers}
    assert max(counts.values()) - min(counts.values()) <= 2


@pytest.mark.parametrize("point", ["before", "after"])
def test_conductor_that_dies_leaves_neither_two_nor_none(
    bay: Bay, database: Database, tmp_path: pathlib.Path, point: str
) -> None:
    uuid = bay.write()
    state = tmp_path / "state.json"
    authority = bay.swarm.authority
    bundles = {"ca": authority.ca, "conductor": authority.conductor}
    known = {
        "connection": bay.conf.database.connection,
        "container": uuid,
        "bundles": {
            name: [bundle.certificate_pem, bundle.private_key_pem]
            for name, bundle in bundles.items()
        },
    }
    state.write_text(json.dumps(known))
    done = subprocess.run(
        [sys.executable, "-m", "tests.engines.victim", str(state), point],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -9, done.stderr
    assert bay.copies(uuid) == (1 if point == "after" else 0)
    assert not _is_made(bay, uuid)
    bay.expire_leases()
    bay.sweep_until(lambda: _is_made(bay, uuid))
    assert bay.copies(uuid) == 1
    bay.call("start", uuid)
    assert bay.status(uuid) == ("Running", None)


def test_engine_that_is_silent_is_tried_again(bay: Bay) -> None:
    uuid = bay.write()
    with bay.daemon_of(uuid).hanging():
        began = time.monotonic()
        assert bay.call("create", uuid) is None
        assert time.monotonic() - began < 9
    bay.sweep_until(lambda: _is_made(bay, uuid))
    assert bay.copies(uuid) == 1


def _is_made(bay: Bay, uuid: str) -> bool:
    row = bay.row(uuid)
    return row is not None and row.docker_id is not None and row.status != "Unknown"
