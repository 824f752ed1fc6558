# SPDX-License-Identifier: Apache-2.0
"""Ignition's configurations, applied to a root that has just what a test needs."""

import base64
import gzip
import json
import pathlib

import pytest

from minicloud.real_nodes import ignition
from minicloud.real_nodes.ignition import IgnitionError


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    root = tmp_path / "root"
    for folder in ("etc/cloud", "etc/network/interfaces.d", "root", "usr/bin", "home/core"):
        (root / folder).mkdir(parents=True)
    (root / "bin").symlink_to("usr/bin")
    (root / "etc/passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\ncore:x:0:0::/home/core:/bin/sh\n"
    )
    return root


class Presets:
    """Records which units systemd was to follow its presets for."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, root: pathlib.Path, names: list[str]) -> None:
        self.names += names


def add_user(root: pathlib.Path, user: str) -> None:
    with (root / "etc/passwd").open("a") as passwd:
        passwd.write(f"{user}:x:0:0::/home/{user}:/bin/sh\n")


def apply(root: pathlib.Path, **parts: object) -> Presets:
    presets = Presets()
    ignition.apply({"ignition": {"version": "3.3.0"}, **parts}, root, presets, add_user)
    return presets


def test_user_data_for_others_is_none() -> None:
    assert ignition.parse(b"#cloud-config\n") is None
    assert ignition.parse(b"[1]") is None
    assert ignition.parse(b'{"ignition": {"version": "3.3.0"}}') is not None


def test_configuration_of_another_major_version_is_refused() -> None:
    with pytest.raises(IgnitionError, match=r"version 2\.2\.0 is not understood"):
        ignition.parse(b'{"ignition": {"version": "2.2.0"}}')


def test_files_have_contents_and_mode(root: pathlib.Path) -> None:
    packed = base64.b64encode(gzip.compress(b"packed")).decode()
    files = [
        {"path": "/etc/plain", "mode": 0o600, "contents": {"source": "data:,a%20b%0A"}},
        {
            "path": "/opt/a/b",
            "contents": {"source": f"data:;base64,{packed}", "compression": "gzip"},
        },
    ]

    apply(root, storage={"files": files})

    assert (root / "etc/plain").read_text() == "a b\n"
    assert (root / "etc/plain").stat().st_mode & 0o777 == 0o600
    assert (root / "opt/a/b").read_text() == "packed"
    assert (root / "opt/a/b").stat().st_mode & 0o777 == 0o644


def test_file_that_is_there_is_overwritten_only_when_asked(root: pathlib.Path) -> None:
    (root / "etc/motd").write_text("old")
    entry = {"path": "/etc/motd", "contents": {"source": "data:,new"}}

    with pytest.raises(IgnitionError, match="/etc/motd: is there"):
        apply(root, storage={"files": [entry]})
    assert (root / "etc/motd").read_text() == "old"
    apply(root, storage={"files": [entry | {"overwrite": True}]})

    assert (root / "etc/motd").read_text() == "new"


def test_file_without_contents_keeps_what_is_there_and_is_appended_to(root: pathlib.Path) -> None:
    (root / "etc/motd").write_text("old ")

    apply(root, storage={"files": [{"path": "/etc/motd", "append": [{"source": "data:,new"}]}]})

    assert (root / "etc/motd").read_text() == "old new"


@pytest.mark.parametrize("url", ["http://192.0.2.1/file", "data:;base64,!"])
def test_file_from_elsewhere_or_broken_is_refused(root: pathlib.Path, url: str) -> None:
    with pytest.raises(IgnitionError, match=url[:10]):
        apply(root, storage={"files": [{"path": "/x", "contents": {"source": url}}]})


def test_paths_follow_links_inside_the_root(root: pathlib.Path) -> None:
    (root / "var").symlink_to("/opt")  # the node's /opt, not this machine's
    files = [
        {"path": path, "contents": {"source": "data:,x"}}
        for path in ("/bin/tool", "/var/file", "/../../escape")
    ]

    apply(root, storage={"files": files})

    assert (root / "usr/bin/tool").exists()
    assert (root / "opt/file").exists()
    assert (root / "escape").exists()


def test_relative_paths_and_circles_are_refused(root: pathlib.Path) -> None:
    (root / "round").symlink_to("round")
    for path, words in (("etc/x", "absolute"), ("/round/x", "too many links")):
        with pytest.raises(IgnitionError, match=words):
            apply(root, storage={"files": [{"path": path}]})


def test_folders_and_links_are_made(root: pathlib.Path) -> None:
    storage = {
        "directories": [{"path": "/srv/a/b"}, {"path": "/srv/a", "mode": 0o750}],
        "links": [
            {"path": "/etc/localtime", "target": "/usr/share/zoneinfo/UTC"},
            {"path": "/srv/hard", "target": "/etc/passwd", "hard": True},
        ],
    }

    apply(root, storage=storage)

    assert (root / "srv/a").stat().st_mode & 0o777 == 0o750
    assert (root / "srv/a/b").is_dir()
    assert (root / "etc/localtime").readlink() == pathlib.Path("/usr/share/zoneinfo/UTC")
    assert (root / "srv/hard").samefile(root / "etc/passwd")


def test_units_are_written_and_enabled_by_presets(root: pathlib.Path) -> None:
    units = [
        {"name": "a.service", "contents": "[Service]\n", "enabled": True},
        {"name": "b.service", "enabled": False},
        {"name": "c.service", "mask": True},
        {"name": "d.service", "dropins": [{"name": "x.conf", "contents": "[Unit]\n"}]},
    ]

    presets = apply(root, systemd={"units": units})

    folder = root / ignition.UNITS
    assert (folder / "a.service").read_text() == "[Service]\n"
    assert (folder / "c.service").readlink() == pathlib.Path("/dev/null")
    assert (folder / "d.service.d/x.conf").read_text() == "[Unit]\n"
    assert presets.names == ["a.service", "b.service"]
    assert (root / ignition.PRESETS).read_text() == "enable a.service\ndisable b.service\n"


def test_keys_are_for_their_user_alone(root: pathlib.Path) -> None:
    user = {"name": "core", "sshAuthorizedKeys": ["ssh-rsa AAAA", "ssh-rsa BBBB"]}

    apply(root, passwd={"users": [user]})

    file = root / "home/core/.ssh/authorized_keys"
    assert file.read_text() == "ssh-rsa AAAA\nssh-rsa BBBB\n"
    assert file.stat().st_mode & 0o777 == 0o600


def test_user_that_is_not_there_is_made_and_gets_its_keys(root: pathlib.Path) -> None:
    apply(root, passwd={"users": [{"name": "new", "sshAuthorizedKeys": ["ssh-rsa AAAA"]}]})

    assert (root / "home/new/.ssh/authorized_keys").read_text() == "ssh-rsa AAAA\n"


def test_node_with_ignition_does_without_cloud_init(
    root: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    user_data = tmp_path / "user-data"
    user_data.write_text(json.dumps({"ignition": {"version": "3.3.0"}}))

    ignition.main(root, "bay-master", user_data)

    assert (root / "etc/cloud/cloud-init.disabled").exists()
    assert (root / "etc/hostname").read_text() == "bay-master\n"
    assert "inet dhcp" in (root / "etc/network/interfaces.d/eth0").read_text()
    # Nobody else makes the keys that cloud-init would have made.
    assert "ssh-keygen" in (root / ignition.UNITS / "ssh.service.d/host-keys.conf").read_text()


def test_node_with_other_user_data_keeps_cloud_init(
    root: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    user_data = tmp_path / "user-data"
    user_data.write_text("#cloud-config\n")

    ignition.main(root, "bay-master", user_data)

    assert not (root / "etc/cloud/cloud-init.disabled").exists()
