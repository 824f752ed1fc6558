# SPDX-License-Identifier: Apache-2.0
"""The file of keys: who may read it, how it changes, and what is said of a bad one."""

import os
import pathlib

import pytest

from magnum.certs import sealing
from magnum.certs.local import LocalStore
from magnum.certs.sealing import Sealer
from magnum.core.errors import Misconfigured

TEXT = "-----BEGIN PRIVATE KEY-----\nB\n-----END PRIVATE KEY-----\n"


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "certificates.keys"


def lines(path: pathlib.Path) -> list[str]:
    return path.read_text().splitlines()


def test_first_key_makes_a_file_for_its_owner_only(path):
    assert sealing.add_key(path, standby=False) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]
    sealed = Sealer(str(path)).seal(TEXT)
    assert "PRIVATE" not in sealed
    assert Sealer(str(path)).unseal(sealed, "x") == TEXT


def test_new_key_comes_first_a_standby_one_last_until_promoted(path):
    sealing.add_key(path, standby=False)
    (oldest,) = lines(path)
    assert sealing.add_key(path, standby=False) == 2
    assert lines(path)[1] == oldest
    newest = lines(path)[0]
    assert sealing.add_key(path, standby=True) == 3
    *_, standby = lines(path)
    assert lines(path) == [newest, oldest, standby]
    sealing.promote_key(path)
    assert lines(path) == [standby, newest, oldest]


def test_changed_file_keeps_its_owner(path):
    sealing.add_key(path, standby=False)
    os.chown(path, os.getuid(), os.getgid())
    before = path.stat()
    sealing.add_key(path, standby=False)
    after = path.stat()
    assert after.st_ino != before.st_ino, "it was not replaced in one go"
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_root_leaves_the_file_to_the_services_user(path):
    sealing.add_key(path, standby=False)
    os.chown(path, 12345, 23456)
    sealing.add_key(path, standby=False)
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 23456)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o610])
def test_file_that_others_may_use_is_refused(path, mode):
    sealing.add_key(path, standby=False)
    path.chmod(mode)
    with pytest.raises(Misconfigured, match=f"mode is {mode:04o}; run: chmod 600 {path}$"):
        Sealer(str(path))


@pytest.mark.parametrize("mode", [0o750, 0o707])
def test_directory_that_others_may_use_is_refused(conf, keys, mode):
    folder = pathlib.Path(conf.certificates.storage_path)
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(Misconfigured, match=f"mode is {mode:04o}; run: chmod 700 {folder}$"):
        LocalStore(conf)


def test_directory_that_cannot_be_made_is_told(conf, keys):
    conf.set_override("storage_path", str(keys / "below"), "certificates")
    with pytest.raises(Misconfigured, match=r"^\[certificates\] storage_path cannot be used: "):
        LocalStore(conf)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "There is no key of certificates in"),
        (b"\n \n", "There is no key of certificates in"),
        (b"hunter2-hunter2\n", "Key 1 in .* is not a Fernet key"),
        (b"\xff\xfe", "The key of certificates cannot be read"),
    ],
)
def test_file_without_a_key_is_told_without_its_content(path, content, what):
    path.touch(mode=0o600)
    path.write_bytes(content)
    for use in (
        lambda: Sealer(str(path)),
        lambda: sealing.add_key(path, standby=False),
        lambda: sealing.promote_key(path),
    ):
        with pytest.raises(Misconfigured, match=what) as caught:
            use()
        assert "hunter2" not in caught.value.message
    assert path.read_bytes() == content


def test_missing_file_is_told_with_how_to_make_it(path):
    with pytest.raises(Misconfigured, match=f"no {path} .* magnum-db-manage new-certificate-key$"):
        Sealer(str(path))


def test_folder_that_is_not_there_is_told(path):
    with pytest.raises(Misconfigured, match="The keys of certificates cannot be written"):
        sealing.add_key(path / "deeper" / "keys", standby=False)
