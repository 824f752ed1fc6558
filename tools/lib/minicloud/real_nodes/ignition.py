# SPDX-License-Identifier: Apache-2.0
"""Apply an Ignition configuration to a node's root before it boots, as Ignition's initrd does.

Understands what spec 3.3 says of files, folders and links in `storage`, of names and SSH keys of
users in `passwd`, and of `systemd.units`. It runs among the node's mounts:
`python -m minicloud.real_nodes.ignition ROOT NAME USER_DATA`.

Source: Configuration Specification v3.3.0 of coreos/ignition.
"""

import base64
import gzip
import json
import os
import pathlib
import shutil
import subprocess
import sys
import urllib.parse
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

InRoot = Callable[[pathlib.Path, T], None]
"""Does something in a root that lies in a folder."""

UNITS = "etc/systemd/system"
PRESETS = "etc/systemd/system-preset/20-ignition.preset"


class IgnitionError(Exception):
    """The configuration cannot be applied; the text names the part."""


def parse(user_data: bytes) -> dict[str, Any] | None:
    """Return the configuration that user data is; None when it is none.

    :raises IgnitionError: it is one of a version that is not understood.
    """
    try:
        config = json.loads(user_data)
    except ValueError:
        return None
    if not isinstance(config, dict) or not isinstance(config.get("ignition"), dict):
        return None
    version = str(config["ignition"].get("version"))
    if not version.startswith("3."):
        raise IgnitionError(f"ignition: version {version} is not understood, only 3.x is")
    return config


def inside(root: pathlib.Path, path: str) -> pathlib.Path:
    """Return where a path of the node is, with the node's links on the way followed in the root.

    :raises IgnitionError: the path is not absolute, or its links lead in circles.
    """
    if not path.startswith("/"):
        raise IgnitionError(f"{path}: not an absolute path")
    parts = [part for part in path.split("/") if part]
    found, followed = root, 0
    while parts:
        part = parts.pop(0)
        if part == "..":
            found = root if found == root else found.parent
            continue
        step = found / part
        if parts and step.is_symlink():
            followed += 1
            if followed > 40:
                raise IgnitionError(f"{path}: too many links")
            target = str(step.readlink())
            found = root if target.startswith("/") else found
            parts = [p for p in target.split("/") if p not in {"", "."}] + parts
        else:
            found = step
    return found


def contents(source: dict[str, Any] | None) -> bytes:
    """Return what a resource of the configuration holds.

    :raises IgnitionError: it is not in the configuration itself.
    """
    url = (source or {}).get("source") or "data:,"
    if not url.startswith("data:"):
        raise IgnitionError(f"{url[:60]}: only data: URLs are understood here")
    try:
        kind, _, text = url.removeprefix("data:").partition(",")
        data = urllib.parse.unquote_to_bytes(text)
        if kind.endswith(";base64"):
            data = base64.b64decode(data, validate=True)
        return gzip.decompress(data) if (source or {}).get("compression") == "gzip" else data
    except (ValueError, OSError, EOFError) as error:
        raise IgnitionError(f"{url[:60]}: {error}") from error


def _own(path: pathlib.Path, entry: dict[str, Any]) -> None:
    """Give a path to numbers, or to root: names would be those of this machine."""
    numbers = [(entry.get(kind) or {}).get("id", 0) for kind in ("user", "group")]
    if os.geteuid() == 0:
        os.chown(path, *numbers, follow_symlinks=False)


def _clear(path: pathlib.Path, entry: dict[str, Any]) -> None:
    """Make way for an entry.

    :raises IgnitionError: something is there, and may not be overwritten.
    """
    if not path.is_symlink() and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        return
    if not entry.get("overwrite"):
        raise IgnitionError(f"{entry['path']}: is there, and overwrite is not set")
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _folder(root: pathlib.Path, entry: dict[str, Any]) -> None:
    path = inside(root, entry["path"])
    if not path.is_dir():
        _clear(path, entry)
        path.mkdir()
    path.chmod(entry.get("mode", 0o755))
    _own(path, entry)


def _file(root: pathlib.Path, entry: dict[str, Any]) -> None:
    path = inside(root, entry["path"])
    given = entry.get("contents") or {}
    if given.get("source") is not None or not path.is_file():
        data = contents(given)
        _clear(path, entry)
        path.write_bytes(data)
    with path.open("ab") as file:
        for more in entry.get("append", ()):
            file.write(contents(more))
    path.chmod(entry.get("mode", 0o644))
    _own(path, entry)


def _link(root: pathlib.Path, entry: dict[str, Any]) -> None:
    path = inside(root, entry["path"])
    _clear(path, entry)
    if entry.get("hard"):
        path.hardlink_to(inside(root, entry["target"]))
        return
    path.symlink_to(entry["target"])
    _own(path, entry)


def _unit(root: pathlib.Path, unit: dict[str, Any]) -> str:
    """Write a unit; return its line for systemd's presets, which say what is enabled."""
    units = root / UNITS
    units.mkdir(parents=True, exist_ok=True)
    path = units / unit["name"]
    if unit.get("mask") or unit.get("contents"):
        path.unlink(missing_ok=True)
    if unit.get("mask"):
        path.symlink_to("/dev/null")
    elif unit.get("contents"):
        path.write_text(unit["contents"])
    for dropin in unit.get("dropins", ()):
        folder = units / f"{unit['name']}.d"
        folder.mkdir(exist_ok=True)
        (folder / dropin["name"]).write_text(dropin.get("contents") or "")
    if "enabled" not in unit:
        return ""
    return f"{'enable' if unit['enabled'] else 'disable'} {unit['name']}\n"


def _preset(root: pathlib.Path, names: list[str]) -> None:
    """Have systemd follow its presets for some units, and for no others of the root.

    :raises IgnitionError: it cannot.
    """
    command = ["systemctl", f"--root={root}", "preset", *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise IgnitionError(f"systemd.units: {done.stderr.strip()}")


def _add_user(root: pathlib.Path, user: str) -> None:
    """Make a user without a password, as Ignition does of one that is not there.

    :raises IgnitionError: it cannot.
    """
    command = ["useradd", "--root", str(root), "--create-home", "--password", "*", user]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise IgnitionError(f"passwd.users: {done.stderr.strip()}")


def _home(root: pathlib.Path, user: str) -> tuple[pathlib.Path, int, int] | None:
    """Return a user's home and ids; None when the node has no such user."""
    for line in (root / "etc/passwd").read_text().splitlines():
        name, _, uid, gid, _, home, _ = line.split(":")
        if name == user:
            return inside(root, home), int(uid), int(gid)
    return None


def _user(root: pathlib.Path, user: dict[str, Any], add_user: InRoot[str]) -> None:
    """Have a user with all its keys."""
    if (found := _home(root, user["name"])) is None:
        add_user(root, user["name"])
        found = _home(root, user["name"])
    keys = user.get("sshAuthorizedKeys")
    if not keys or found is None:
        return
    home, uid, gid = found
    file = home / ".ssh/authorized_keys"
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.write_text("".join(f"{key}\n" for key in keys))
    file.chmod(0o600)
    if os.geteuid() == 0:
        for path in (file.parent, file):
            os.chown(path, uid, gid)


def apply(
    config: dict[str, Any],
    root: pathlib.Path,
    preset: InRoot[list[str]] = _preset,
    add_user: InRoot[str] = _add_user,
) -> None:
    """Do all that a configuration says.

    :param preset: has systemd follow the presets in a root for units that are named.
    :param add_user: makes a user in a root.
    :raises IgnitionError: a part of it cannot be done.
    """
    storage = config.get("storage", {})
    for user in config.get("passwd", {}).get("users", ()):
        _user(root, user, add_user)
    # Folders from the top, and links last, for files may have to be there.
    for entry in sorted(storage.get("directories", ()), key=lambda entry: entry["path"]):
        _folder(root, entry)
    for entry in storage.get("files", ()):
        _file(root, entry)
    for entry in storage.get("links", ()):
        _link(root, entry)
    units = config.get("systemd", {}).get("units", ())
    if presets := "".join(_unit(root, unit) for unit in units):
        path = root / PRESETS
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(presets)
        preset(root, [unit["name"] for unit in units if "enabled" in unit])


def replace_cloud_init(root: pathlib.Path, name: str) -> None:
    """Have a node do without cloud-init, for images with Ignition have none.

    :param name: the node's.
    """
    (root / "etc/cloud/cloud-init.disabled").touch()
    (root / "etc/hostname").write_text(f"{name}\n")
    (root / "etc/network/interfaces.d/eth0").write_text("auto eth0\niface eth0 inet dhcp\n")
    dropin = root / UNITS / "ssh.service.d/host-keys.conf"
    dropin.parent.mkdir(parents=True, exist_ok=True)
    # The empty line lets the keys be made before the unit's own check of its configuration.
    dropin.write_text(
        "[Service]\nExecStartPre=\nExecStartPre=/usr/bin/ssh-keygen -A\n"
        "ExecStartPre=/usr/sbin/sshd -t\n"
    )


def main(root: pathlib.Path, name: str, user_data: pathlib.Path) -> None:
    """Apply a server's user data to its root if it is for Ignition; nothing happens otherwise.

    :raises IgnitionError: as `parse` and `apply`.
    """
    config = parse(user_data.read_bytes())
    if config is not None:
        replace_cloud_init(root, name)
        apply(config, root)


if __name__ == "__main__":
    try:
        main(pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3]))
    except IgnitionError as error:
        sys.exit(f"ignition: {error}")
