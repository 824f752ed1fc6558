# SPDX-License-Identifier: Apache-2.0
"""A node's further disks: volumes of Cinder's, each a file behind a loop device.

The node sees the folder of its devices as its /dev/disk/by-id, which udev would fill if it had one.
So a disk can come and go while the node runs, and one that is there is there from its boot on.
"""

import contextlib
import os
import pathlib
import stat
import time
from collections.abc import Iterable, Mapping

from minicloud.real_nodes import shell

BLOCK_DEVICES = pathlib.Path("/sys/block")
_PREFIX = "virtio-"
_SERIAL_CHARACTERS = 20  # what a virtio disk tells of the id that Nova gives it


def serial(volume: str) -> str:
    """Return what of a volume's id its disk is named by."""
    return volume[:_SERIAL_CHARACTERS]


def backing_files(block_devices: pathlib.Path = BLOCK_DEVICES) -> dict[str, pathlib.Path]:
    """Return the files of all loop devices, by the devices' names.

    Of a file that is deleted the kernel says so behind its name.
    """
    found = {}
    for attribute in block_devices.glob("loop*/loop/backing_file"):
        with contextlib.suppress(OSError):  # freed meanwhile
            found[attribute.parts[-3]] = pathlib.Path(attribute.read_text().rstrip("\n"))
    return found


class Disks:
    """Those of one node.

    :param folder: of their devices; it is there as long as the node may have any.
    """

    def __init__(self, folder: pathlib.Path, block_devices: pathlib.Path = BLOCK_DEVICES) -> None:
        self.folder = folder
        self._block_devices = block_devices

    @property
    def present(self) -> set[str]:
        """The serials of the disks that the node sees."""
        if not self.folder.is_dir():
            return set()
        return {path.name.removeprefix(_PREFIX) for path in self.folder.iterdir()}

    def are(self, volumes: Iterable[str]) -> bool:
        """Tell whether the node sees just these volumes, by their ids."""
        return self.present == {serial(volume) for volume in volumes}

    def follow(self, volumes: Mapping[str, str]) -> None:
        """Make the node see just these.

        :param volumes: files by the volumes' ids, which the files are named by.
        :raises OSError: a disk cannot be made, or a former one of the same volume is still in use.
        """
        for surplus in self.present - {serial(volume) for volume in volumes}:
            self._unplug(surplus)
        for volume, file in volumes.items():
            self._plug(serial(volume), file)

    def remove(self, patience: float = 5) -> None:
        """Take all away, after the node's end, and wait until the kernel has let go of them.

        :param patience: seconds.
        :raises OSError: something still has one in use.
        """
        deadline = time.monotonic() + patience
        for name in self.present:
            self._unplug(name)
            while left := self._loops(name):
                if time.monotonic() > deadline:
                    raise OSError(f"still in use: {', '.join(left)}")
                time.sleep(0.05)

    def _plug(self, serial: str, file: str) -> None:
        device = self._device(serial, file)
        path = self.folder / f"{_PREFIX}{serial}"
        if path.exists():
            if path.stat().st_rdev == device:
                return
            path.unlink()  # since a reboot of this machine it leads to any device
        os.mknod(path, stat.S_IFBLK | 0o600, device)

    def _device(self, serial: str, file: str) -> int:
        """Return the number of a volume's loop device, which may have to be made."""
        if any(self._is_leaving(name) for name in self._loops(serial)):
            raise OSError(f"the former device of {file} is still in use")
        if not self._loops(serial):
            shell.run("losetup", "--find", file)
        (name,) = self._loops(serial)
        major, minor = (self._block_devices / name / "dev").read_text().split(":")
        return os.makedev(int(major), int(minor))

    def _unplug(self, serial: str) -> None:
        for name in self._loops(serial):
            if not self._is_leaving(name):
                shell.run("losetup", "--detach", f"/dev/{name}")
        (self.folder / f"{_PREFIX}{serial}").unlink(missing_ok=True)

    def _loops(self, wanted: str) -> list[str]:
        files = backing_files(self._block_devices)
        return sorted(name for name, file in files.items() if serial(file.name) == wanted)

    def _is_leaving(self, name: str) -> bool:
        """Tell whether the kernel keeps a device only until nobody has it mounted any more."""
        try:
            return (self._block_devices / name / "loop/autoclear").read_text().strip() == "1"
        except OSError:  # it is gone
            return True
