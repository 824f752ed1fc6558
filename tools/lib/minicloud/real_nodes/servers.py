# SPDX-License-Identifier: Apache-2.0
"""Which servers there should be: one file each, written by Nova's driver, read by who plays them.

Nova's driver runs in Nova's process and does nothing else, so that no server of Nova ever waits
for a node; and nobody has to ask Nova again and again, which would keep it busy.
"""

import base64
import contextlib
import dataclasses
import json
import os
import pathlib
from typing import NamedTuple

IMAGE_PROPERTY = "minicloud_node"
"""The property of an image whose servers are real nodes; its value is the root they boot from."""

WHOLE, BARE = "real", "bare"
"""The roots: the one with all that nodes need, and the same without an engine."""

STAND_IN = ""
"""In a root's place: no real node, it is for the stand-in to play."""


class RealImage(NamedTuple):
    """An image whose servers are real nodes."""

    os_distro: str
    root: str = WHOLE


REAL_IMAGES = {
    "fedora-atomic-real": RealImage("fedora-atomic"),
    "ubuntu-real": RealImage("ubuntu"),
    "coreos-real": RealImage("coreos"),
    "ubuntu-bare-real": RealImage("ubuntu", BARE),
}
"""They are all one Debian."""


@dataclasses.dataclass(frozen=True)
class Server:
    """What a node is made of, as Nova knows it.

    :ivar boot: how often it was switched on or rebooted; another number means another boot.
    :ivar user_data: encoded as Nova keeps it.
    :ivar keys: public SSH keys by name.
    :ivar root: :data:`WHOLE`, :data:`BARE` or :data:`STAND_IN`.
    :ivar volumes: files of the attached volumes, by their ids.
    """

    id: str
    name: str
    memory_mib: int
    user_data: str = ""
    keys: dict[str, str] = dataclasses.field(default_factory=dict)
    on: bool = True
    boot: int = 1
    root: str = WHOLE
    volumes: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def raw_user_data(self) -> bytes:
        return base64.b64decode(self.user_data)

    @property
    def is_real(self) -> bool:
        return self.root != STAND_IN


def root_of(image_properties: dict[str, str]) -> str:
    """Return the root that servers of an image boot from, or :data:`STAND_IN`."""
    asked = image_properties.get(IMAGE_PROPERTY, "")
    return asked if asked in {WHOLE, BARE} else STAND_IN


def _path(folder: pathlib.Path, server: str) -> pathlib.Path:
    return folder / f"{server}.json"


def save(folder: pathlib.Path, server: Server) -> None:
    """Write a server down, in one step; its user data holds secrets."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = folder / f".{server.id}.part"
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(dataclasses.asdict(server), file)
    part.replace(_path(folder, server.id))


def switch(folder: pathlib.Path, server: str, *, on: bool) -> None:
    """Switch a server off, or on again; one that is not written down is left alone."""
    with contextlib.suppress(FileNotFoundError):
        known = load(folder, server)
        save(folder, dataclasses.replace(known, on=on, boot=known.boot + int(on)))


def attach(folder: pathlib.Path, server: str, volume: str, file: str) -> None:
    """Give a server a volume; one that is not written down is left alone."""
    with contextlib.suppress(FileNotFoundError):
        known = load(folder, server)
        save(folder, dataclasses.replace(known, volumes={**known.volumes, volume: file}))


def detach(folder: pathlib.Path, server: str, volume: str) -> None:
    """Take a volume from a server; one that it has not is no error."""
    with contextlib.suppress(FileNotFoundError):
        known = load(folder, server)
        left = {one: file for one, file in known.volumes.items() if one != volume}
        save(folder, dataclasses.replace(known, volumes=left))


def forget(folder: pathlib.Path, server: str) -> None:
    """Cross a server out."""
    _path(folder, server).unlink(missing_ok=True)


def load(folder: pathlib.Path, server: str) -> Server:
    """Read one.

    :raises FileNotFoundError: there is no such server.
    """
    return Server(**json.loads(_path(folder, server).read_text()))


def load_all(folder: pathlib.Path) -> dict[str, Server]:
    """Read all there are, by id."""
    found = {}
    for path in folder.glob("*.json"):
        with contextlib.suppress(FileNotFoundError):  # crossed out meanwhile
            found[path.stem] = load(folder, path.stem)
    return found
