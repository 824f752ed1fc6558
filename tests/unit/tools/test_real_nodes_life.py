# SPDX-License-Identifier: Apache-2.0
"""The lives of real nodes: what is decided, in which order it is done, what they are made of."""

import dataclasses
import json
import os
import pathlib
import subprocess
import tarfile
from email.message import Message
from io import BytesIO
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request

import pytest

from minicloud import settings
from minicloud.real_nodes import (
    cgroups,
    lifecycle,
    machine,
    registry,
    servers,
)
from minicloud.real_nodes.lifecycle import Action
from minicloud.real_nodes.places import Places
from minicloud.real_nodes.servers import Server

SERVER = Server("server-1", "bay-master", 512, keys={"mine": "ssh-rsa AAAA"})
OFF = dataclasses.replace(SERVER, on=False)


@pytest.mark.parametrize(
    ("server", "connected", "started", "runs", "plugged", "action"),
    [
        (SERVER, False, False, False, True, None),
        (SERVER, True, False, False, False, Action.START),
        (SERVER, True, True, True, True, None),
        (SERVER, True, True, True, False, Action.PLUG),
        (SERVER, True, True, False, True, None),  # it died, or switched itself off
        (SERVER, True, True, False, False, None),  # and will be plugged when it boots
        (SERVER, True, False, True, False, Action.STOP),  # it shall boot again
        (OFF, True, True, True, True, Action.STOP),
        (OFF, True, False, False, False, None),
        (None, False, False, True, False, Action.REMOVE),
        (None, False, False, False, False, Action.REMOVE),
    ],
)
def test_node_is_made_what_its_server_is(
    server: Server | None,
    connected: bool,
    started: bool,
    runs: bool,
    plugged: bool,
    action: Action | None,
) -> None:
    decided = lifecycle.decide(
        server, connected=connected, started=started, runs=runs, plugged=plugged
    )

    assert decided is action


def test_servers_are_found_as_they_were_written_down(tmp_path: pathlib.Path) -> None:
    servers.save(tmp_path / "s", SERVER)

    assert servers.load_all(tmp_path / "s") == {"server-1": SERVER}
    (file,) = (tmp_path / "s").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_server_that_is_switched_on_again_has_another_boot(tmp_path: pathlib.Path) -> None:
    servers.save(tmp_path, SERVER)

    servers.switch(tmp_path, "server-1", on=False)
    assert not servers.load(tmp_path, "server-1").on
    servers.switch(tmp_path, "server-1", on=True)

    assert servers.load(tmp_path, "server-1") == dataclasses.replace(SERVER, boot=2)


def test_server_that_is_not_written_down_is_not_switched(tmp_path: pathlib.Path) -> None:
    servers.switch(tmp_path, "server-1", on=True)
    servers.forget(tmp_path, "server-1")

    assert servers.load_all(tmp_path) == {}


@pytest.fixture
def places(tmp_path: pathlib.Path) -> Places:
    return Places(settings.resolve(tmp_path, {}))


def test_groups_have_the_flavors_memory_and_go_again(tmp_path: pathlib.Path) -> None:
    for name in ("cpuset", "memory", "pids"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cgroup.procs").write_text("")
    (tmp_path / "cpuset/cpuset.cpus").write_text("0-1")
    (tmp_path / "cpuset/cpuset.mems").write_text("0")
    (tmp_path / "no-hierarchy").mkdir()

    groups = cgroups.create("node", 512, tmp_path)

    assert groups == [tmp_path / name / "node" for name in ("cpuset", "memory", "pids")]
    assert (tmp_path / "memory/node/memory.limit_in_bytes").read_text() == str(512 << 20)
    assert (tmp_path / "cpuset/node/cpuset.cpus").read_text() == "0-1"
    (tmp_path / "pids/node/docker").mkdir()
    (tmp_path / "pids/node/cgroup.procs").write_text("7\n")
    (tmp_path / "pids/node/docker/cgroup.procs").write_text("8\n9\n")
    assert cgroups.processes("node", tmp_path) == {7, 8, 9}
    assert cgroups.has_processes("node", tmp_path)


def test_groups_that_are_gone_are_no_error(tmp_path: pathlib.Path) -> None:
    cgroups.remove("node", tmp_path)

    assert cgroups.processes("node", tmp_path) == set()
    assert not cgroups.has_processes("node", tmp_path)


def test_group_that_goes_while_processes_are_looked_for_hides_no_others(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = tmp_path / "systemd" / "node"
    for folder in (group, group / "gone", group / "there"):
        folder.mkdir(parents=True)
        (folder / "cgroup.procs").write_text("7\n")
    (group / "there" / "cgroup.procs").write_text("8\n")
    scan = os.scandir

    def scandir(path: Any) -> Any:
        if str(path).endswith("gone"):
            raise FileNotFoundError(path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)

    assert cgroups.processes("node", tmp_path) == {7, 8}


def test_node_binds_its_own_files_and_enters_its_own_network(places: Places) -> None:
    words = machine.command(places, SERVER)

    folder = places.machine("server-1")
    assert f"--directory={folder}/root" in words
    assert f"--bind={folder}/docker:/var/lib/engine" in words
    assert f"--bind={folder}/disks:/dev/disk/by-id" in words
    assert "--network-namespace-path=/run/netns/mc0001-node-server-1" in words


def test_image_is_what_its_digests_say() -> None:
    files = registry.layer(b"program", ["busybox", "sh", "ls"])
    manifest, config, packed = registry.image(files, "amd64")

    told = json.loads(manifest)
    assert told["config"]["digest"] == registry.digest(config)
    assert told["layers"][0]["digest"] == registry.digest(packed)
    assert json.loads(config)["rootfs"]["diff_ids"] == [registry.digest(files)]
    with tarfile.open(fileobj=BytesIO(files)) as tar:
        assert tar.getmember("bin/sh").linkname == "busybox"
        program = tar.extractfile("bin/busybox")
        assert program is not None
        assert program.read() == b"program"
    assert registry.image(files, "amd64")[0] == manifest  # nothing of the moment in it


class FakeRegistry:
    """Keeps blobs and manifests; stands where urllib's opener does."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.puts = 0

    def open(self, request: Request, timeout: float) -> "FakeRegistry.Reply":
        url, method = request.full_url, request.get_method()
        path = url.removeprefix("http://registry.test")
        if method == "HEAD" and path not in self.kept:
            raise HTTPError(url, 404, "not found", Message(), None)
        if method == "POST":
            return self.Reply("/v2/busybox/blobs/uploads/one?state=x")
        if method == "PUT":
            self.puts += 1
            place, _, wanted = path.partition("&digest=")
            if wanted:
                assert place == "/v2/busybox/blobs/uploads/one?state=x"
                path = f"/v2/busybox/blobs/{wanted}"
            assert isinstance(request.data, bytes)
            self.kept[path] = request.data
        return self.Reply("")

    class Reply:
        def __init__(self, location: str) -> None:
            self.headers = {"Location": location}

        def __enter__(self) -> "FakeRegistry.Reply":
            return self

        def __exit__(self, *error: object) -> None:
            pass


def test_image_is_pushed_once_and_named_again() -> None:
    fake: Any = FakeRegistry()
    pusher = registry.Registry("http://registry.test")
    pusher._opener = fake
    made = registry.image(b"files", "amd64")

    pusher.push("busybox", "latest", made)
    assert fake.puts == 3
    pusher.push("busybox", "latest", made)

    assert fake.puts == 4  # the manifest alone
    assert fake.kept["/v2/busybox/manifests/latest"] == made[0]
    for blob in made[1:]:
        assert fake.kept[f"/v2/busybox/blobs/{registry.digest(blob)}"] == blob


def test_data_in_the_registry_has_a_url() -> None:
    fake: Any = FakeRegistry()
    pusher = registry.Registry("http://registry.test")
    pusher._opener = fake

    urls = {pusher.push_blob("busybox", b"program") for _ in range(2)}

    assert fake.puts == 1
    (url,) = urls
    assert fake.kept[url.removeprefix("http://registry.test")] == b"program"


def test_start_script_is_one_that_a_shell_reads() -> None:
    assert subprocess.run(["sh", "-n", "-c", machine._START], check=False).returncode == 0
