# SPDX-License-Identifier: Apache-2.0
"""Engines that hang, are away, drained, restarted, replaced, or not trusted."""

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from magnum.core import errors
from magnum.db.models import Event
from tests.engines.authority import Authority
from tests.engines.bay import Bay
from tests.engines.daemon import Daemon


def test_engines_are_the_swarms_nodes_at_their_addresses(bay: Bay) -> None:
    uuid = bay.create()
    bay.call("start", uuid)
    time.sleep(1.1)  # a survey is good for a second
    engines = {engine.address: engine for engine in bay.engines()}
    assert set(engines) == {daemon.address for daemon in bay.swarm.daemons}
    for daemon in bay.swarm.daemons:
        engine = engines[daemon.address]
        with contextlib.closing(daemon.local()) as client:
            info = client.info()
        assert engine.node_id == info["Swarm"]["NodeID"]
        assert engine.capacity_bytes == info["MemTotal"]
        assert engine.is_manager == (daemon is bay.swarm.manager)
        assert engine.running == int(daemon.address == bay.daemon_of(uuid).address)


def test_drained_and_dead_nodes_are_skipped_and_told(bay: Bay) -> None:
    drained, dead = bay.swarm.workers
    with _drained(bay, drained):
        assert _names(bay) == {"node-0", dead.name}
        dead.kill()
        try:
            bay.swarm.await_state("down", dead)
            time.sleep(1.1)
            assert _names(bay) == {"node-0"}
            assert bay.daemon_of(bay.create()) is bay.swarm.manager
        finally:
            dead.start()
            bay.swarm.await_state("ready", dead)
    told = bay.database.read(
        lambda session: session.execute(
            select(Event.resource, Event.text).where(Event.cluster_id == bay.uuid)
        ).all()
    )
    assert ("node node-1", "It gets no new containers: it is drained.") in told
    assert ("node node-2", "It gets no new containers: the swarm sees it down.") in told


def test_hung_engine_is_told_in_time_and_starves_nobody(bay: Bay) -> None:
    hung, other = (bay.create(), bay.create())
    assert bay.daemon_of(hung) is not bay.daemon_of(other)
    for uuid in (hung, other):
        bay.call("start", uuid)
    with bay.daemon_of(hung).hanging():
        verbs = ("show", "start", "stop", "reboot", "pause", "unpause", "logs", "exec", "delete")
        with ThreadPoolExecutor(2 * len(verbs)) as pool:
            told = [pool.submit(_refusal, bay, verb, hung) for verb in verbs * 2]
            time.sleep(0.2)
            began = time.monotonic()
            assert bay.status(other) == ("Running", None)
            assert time.monotonic() - began < 2
            for verb, refusal in zip(verbs * 2, told, strict=True):
                code, seconds = refusal.result()
                assert code == 504, verb
                assert seconds < 9, verb
        began = time.monotonic()
        seen = bay.statuses(hung, other)
        assert time.monotonic() - began < 5
        assert seen[other] == ("Running", None)
        status, reason = seen[hung]
        assert status == "Unknown"
        assert "does not answer in time" in str(reason)
        time.sleep(1.1)
        assert bay.daemon_of(hung).address not in {engine.address for engine in bay.engines()}
    assert bay.status(hung) == ("Running", None)


def test_what_docker_did_itself_is_seen(bay: Bay) -> None:
    paused, removed = bay.create(), bay.create()
    for uuid in (paused, removed):
        bay.call("start", uuid)
    with bay.docker_of(paused) as client:
        client.pause(_docker_id(bay, paused))
    with bay.docker_of(removed) as client:
        client.remove_container(_docker_id(bay, removed), force=True)
    seen = bay.statuses(paused, removed)
    assert seen[paused] == ("Paused", None) == bay.status(paused)
    assert seen[removed] == bay.status(removed)
    assert seen[removed][0] == "Error"
    bay.call("delete", removed)
    assert bay.row(removed) is None


def test_restarted_node_shows_the_truth(bay: Bay) -> None:
    uuid = bay.create()
    bay.call("start", uuid)
    daemon = bay.daemon_of(uuid)
    daemon.kill()
    with pytest.raises(errors.Told, match="cannot be reached") as error:
        bay.call("show", uuid)
    assert error.value.code == 504
    assert bay.statuses(uuid)[uuid][0] == "Unknown"
    daemon.start()
    bay.swarm.await_state("ready", daemon)
    assert bay.status(uuid)[0] == "Stopped"
    time.sleep(1.1)
    assert {engine.running for engine in bay.engines()} == {0}
    bay.call("start", uuid)
    assert bay.status(uuid)[0] == "Running"


def test_node_that_has_left_the_bay_takes_its_containers_with_it(bay: Bay) -> None:
    uuid, lost = bay.create(), bay.create()
    stays, leaves = bay.daemon_of(uuid), bay.daemon_of(lost)
    assert stays is not leaves
    bay.place([bay.swarm.manager.address], [stays.address])
    leaves.kill()
    try:
        told = ("Error", "Its node has left the bay, and the container with it.")
        assert bay.status(lost) == told
        assert bay.statuses(lost, uuid) == {lost: told, uuid: ("Stopped", None)}
        with pytest.raises(errors.Told, match="has left the bay") as error:
            bay.call("start", lost)
        assert error.value.code == 409
        bay.call("delete", lost)
        assert bay.row(lost) is None
    finally:
        leaves.start()
        bay.swarm.await_state("ready", leaves)


def test_replaced_node_has_none_of_the_old_ones_containers(bay: Bay) -> None:
    uuid = bay.create()
    with bay.docker_of(uuid) as client:
        client.remove_container(_docker_id(bay, uuid), force=True)
    assert bay.status(uuid)[0] == "Error"
    with pytest.raises(errors.Told) as error:
        bay.call("start", uuid)
    assert error.value.code == 404


def test_creation_is_placed_anew_when_its_node_has_left(bay: Bay) -> None:
    uuid = bay.write()
    left = bay.daemon_of(uuid)
    others = [each for each in bay.swarm.workers if each is not left]
    bay.place([bay.swarm.manager.address], [each.address for each in others])
    left.kill()
    try:
        bay.answer_within(3, "create", uuid)
        bay.sweep_until(lambda: (row := bay.row(uuid)) and row.docker_id)
        assert bay.daemon_of(uuid) is others[0]
    finally:
        left.start()
        bay.swarm.await_state("ready", left)


def test_engine_of_another_authority_is_not_trusted(bay: Bay) -> None:
    uuid = bay.create()
    stranger = Authority()
    bay.store["ca"] = stranger.ca
    with pytest.raises(errors.Told, match="its certificate is not the bay's") as error:
        bay.call("show", uuid)
    assert error.value.code == 502
    assert bay.statuses(uuid)[uuid][0] == "Unknown"
    bay.store["ca"], bay.store["conductor"] = bay.swarm.authority.ca, stranger.conductor
    with pytest.raises(errors.Told, match="do not trust each other") as error:
        bay.call("show", uuid)
    assert error.value.code == 502


def test_bay_without_managers_is_told(bay: Bay) -> None:
    bay.place(["10.79.0.99"], [])
    began = time.monotonic()
    with pytest.raises(errors.Told) as error:
        bay.engines()
    assert error.value.code == 504
    assert time.monotonic() - began < 9


def test_list_asks_each_engine_once(bay: Bay) -> None:
    uuids = [bay.create() for _ in range(4)]
    calls: list[str] = []
    for daemon in bay.swarm.workers:
        engine = bay.cloud.engines.engine(daemon.address, bay.swarm.authority.trust)
        genuine = engine._client.send

        def counted(request, genuine=genuine, **options):
            calls.append(request.path_url)
            return genuine(request, **options)

        engine._client.send = counted
    assert set(bay.statuses(*uuids)) == set(uuids)
    assert len(calls) == len(bay.swarm.workers)


def _refusal(bay: Bay, verb: str, uuid: str) -> tuple[int, float]:
    """Return with which code a call is refused, and after how many seconds."""
    began = time.monotonic()
    with pytest.raises(errors.Told) as error:
        bay.call(verb, uuid, "true" if verb == "exec" else None)
    return error.value.code, time.monotonic() - began


def _names(bay: Bay) -> set[str]:
    places = {daemon.address: daemon.name for daemon in bay.swarm.daemons}
    return {places[engine.address] for engine in bay.engines()}


def _docker_id(bay: Bay, uuid: str) -> str:
    row = bay.row(uuid)
    assert row is not None
    return str(row.docker_id)


@contextlib.contextmanager
def _drained(bay: Bay, daemon: Daemon) -> Iterator[None]:
    manager = bay.cloud.engines.engine(bay.swarm.manager.address, bay.swarm.authority.trust)
    (member,) = [each for each in manager.nodes() if each.hostname == daemon.name]
    manager.node_update(member.id, availability="drain")
    try:
        yield
    finally:
        manager.node_update(member.id, availability="active")
