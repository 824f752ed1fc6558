# SPDX-License-Identifier: Apache-2.0
"""Volumes as disks of real nodes: loop devices made, shown, hidden and freed."""

import os
import pathlib
import shutil
import time
from collections.abc import Callable

import pytest

from minicloud.real_nodes import servers, shell
from minicloud.real_nodes.disks import Disks, backing_files
from minicloud.real_nodes.servers import Server
from minicloud.real_nodes.shell import ShellError

VOLUME = "9fd0a3b2-72a6-4c1e-8ad2-5a3d37c2f1aa"
DISK = "virtio-9fd0a3b2-72a6-4c1e-8"
SERVER = "server-1"
OTHER = "0d3c4f60-1111-4c1e-8ad2-5a3d37c2f1aa"


class FakeKernel:
    """Its loop devices are as real ones in what the kernel shows of them.

    :ivar mounted: files whose devices are kept until that changes.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.mounted: set[str] = set()
        self.made: list[str] = []
        self.number = 0

    def run(self, *words: str) -> str:
        program, option, path = words
        assert program == "losetup"
        if option == "--find":
            self._attach(path)
        else:
            assert option == "--detach"
            self._detach(self.folder / pathlib.Path(path).name)
        return ""

    def _attach(self, file: str) -> None:
        if not file.startswith("/volumes/"):
            raise ShellError(f"{file}: No such file")
        device = self.folder / f"loop{self.number}"
        (device / "loop").mkdir(parents=True)
        (device / "dev").write_text(f"7:{self.number}\n")
        (device / "loop/backing_file").write_text(f"{file}\n")
        (device / "loop/autoclear").write_text("0\n")
        self.number += 1

    def _detach(self, device: pathlib.Path) -> None:
        if (device / "loop/backing_file").read_text().strip() in self.mounted:
            (device / "loop/autoclear").write_text("1\n")
        else:
            shutil.rmtree(device)

    def mknod(self, path: pathlib.Path, mode: int, device: int) -> None:
        path.touch(exist_ok=False)
        self.made.append(path.name)

    @property
    def loops(self) -> list[str]:
        files = self.folder.glob("loop*/loop/backing_file")
        return sorted(file.read_text().strip() for file in files)


@pytest.fixture
def kernel(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> FakeKernel:
    kernel = FakeKernel(tmp_path / "block")
    monkeypatch.setattr(shell, "run", kernel.run)
    monkeypatch.setattr(os, "mknod", kernel.mknod)
    return kernel


@pytest.fixture
def disks(tmp_path: pathlib.Path, kernel: FakeKernel) -> Disks:
    (tmp_path / "disks").mkdir()
    return Disks(tmp_path / "disks", kernel.folder)


def test_server_has_the_volumes_that_are_attached_to_it(tmp_path: pathlib.Path) -> None:
    servers.save(tmp_path, Server(SERVER, "bay-master", 512))

    for volume in ("one", "two"):
        servers.attach(tmp_path, SERVER, volume, f"/volumes/{volume}")
    servers.detach(tmp_path, SERVER, "one")
    servers.detach(tmp_path, SERVER, "three")

    assert servers.load(tmp_path, SERVER).volumes == {"two": "/volumes/two"}


def test_server_that_is_no_real_node_gets_no_volumes(tmp_path: pathlib.Path) -> None:
    servers.attach(tmp_path, SERVER, "one", "/volumes/one")
    servers.detach(tmp_path, SERVER, "one")

    assert servers.load_all(tmp_path) == {}


def test_node_sees_a_volume_by_the_name_that_virtio_gives_it(
    disks: Disks, kernel: FakeKernel
) -> None:
    assert not disks.are([VOLUME])

    disks.follow({VOLUME: f"/volumes/{VOLUME}"})

    assert [path.name for path in disks.folder.iterdir()] == [DISK]
    assert kernel.loops == [f"/volumes/{VOLUME}"]
    assert disks.are([VOLUME])
    assert not disks.are([])


def test_volume_that_is_taken_away_is_gone_and_its_device_freed(
    disks: Disks, kernel: FakeKernel
) -> None:
    disks.follow({VOLUME: f"/volumes/{VOLUME}", OTHER: f"/volumes/{OTHER}"})

    disks.follow({OTHER: f"/volumes/{OTHER}"})

    assert kernel.loops == [f"/volumes/{OTHER}"]
    assert disks.are([OTHER])


def test_volume_whose_file_is_deleted_can_be_taken_away(disks: Disks, kernel: FakeKernel) -> None:
    disks.follow({VOLUME: f"/volumes/{VOLUME}"})
    told = kernel.folder / "loop0/loop/backing_file"
    told.write_text(f"/volumes/{VOLUME} (deleted)\n")

    disks.follow({})

    assert kernel.loops == []


def test_disk_whose_making_was_interrupted_gets_no_second_device(
    disks: Disks, kernel: FakeKernel
) -> None:
    kernel.run("losetup", "--find", f"/volumes/{VOLUME}")

    disks.follow({VOLUME: f"/volumes/{VOLUME}"})

    assert kernel.loops == [f"/volumes/{VOLUME}"]


def test_disk_from_before_a_reboot_of_this_machine_is_made_anew(
    disks: Disks, kernel: FakeKernel
) -> None:
    disks.follow({VOLUME: f"/volumes/{VOLUME}"})
    shutil.rmtree(kernel.folder)

    disks.follow({VOLUME: f"/volumes/{VOLUME}"})

    assert kernel.loops == [f"/volumes/{VOLUME}"]
    assert kernel.made == [DISK, DISK]


def test_volume_that_is_still_mounted_comes_back_when_it_is_free(
    disks: Disks, kernel: FakeKernel
) -> None:
    file = f"/volumes/{VOLUME}"
    kernel.mounted.add(file)
    disks.follow({VOLUME: file})
    disks.follow({})
    assert disks.are([])

    with pytest.raises(OSError, match="still in use"):
        disks.follow({VOLUME: file})
    with pytest.raises(OSError, match="still in use"):
        disks.follow({VOLUME: file})
    shutil.rmtree(kernel.folder)
    disks.follow({VOLUME: file})

    assert kernel.loops == [file]


def test_volume_without_a_file_is_no_disk(disks: Disks) -> None:
    with pytest.raises(OSError, match="No such file"):
        disks.follow({VOLUME: "/elsewhere"})

    assert disks.are([])


def test_end_of_a_node_waits_until_the_kernel_lets_go(
    disks: Disks, kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def free(seconds: float) -> None:
        shutil.rmtree(kernel.folder)

    file = f"/volumes/{VOLUME}"
    kernel.mounted.add(file)
    disks.follow({VOLUME: file})
    monkeypatch.setattr(time, "sleep", free)

    disks.remove()

    assert kernel.loops == []
    assert disks.are([])


def test_end_of_a_node_when_a_disk_is_kept_says_so(disks: Disks, kernel: FakeKernel) -> None:
    file = f"/volumes/{VOLUME}"
    kernel.mounted.add(file)
    disks.follow({VOLUME: file})

    with pytest.raises(OSError, match="still in use: loop0"):
        disks.remove(patience=0)


def test_node_that_never_had_a_disk_needs_no_folder(
    tmp_path: pathlib.Path, kernel: FakeKernel
) -> None:
    disks = Disks(tmp_path / "nowhere", kernel.folder)

    disks.remove()

    assert disks.are([])


def test_files_of_devices_are_told_also_when_one_is_freed_meanwhile(
    kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel.run("losetup", "--find", f"/volumes/{VOLUME}")
    assert backing_files(kernel.folder) == {"loop0": pathlib.Path(f"/volumes/{VOLUME}")}
    read: Callable[[pathlib.Path], str] = pathlib.Path.read_text

    def gone(path: pathlib.Path) -> str:
        shutil.rmtree(kernel.folder)
        return read(path)

    monkeypatch.setattr(pathlib.Path, "read_text", gone)

    assert backing_files(kernel.folder) == {}
