# SPDX-License-Identifier: Apache-2.0
"""The files that a host runs the services by, given to the programs they are for."""

import configparser
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from minicloud.packages import DEBIAN
from quality.testrun import STAGES
from tests.packaging.commands import ROOT, program, run

ETC = ROOT / "etc"
UNITS = sorted((ETC / "systemd" / "system").glob("*.service"))
EXPOSURE = 20
"""Of a unit, in tenths; systemd's own scale goes to a hundred."""


@pytest.fixture(params=UNITS, ids=lambda path: path.stem)
def unit(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> pathlib.Path:
    """A unit, with another program: systemd looks whether it is there."""
    copy = tmp_path / request.param.name
    text, count = re.subn(r"/usr/local/bin/magnum-\w+", "/bin/true", request.param.read_text())
    assert count == 1
    copy.write_text(text)
    return copy


def test_there_is_a_unit_for_each_service() -> None:
    assert [path.stem for path in UNITS] == ["magnum-api", "magnum-conductor"]
    for path in UNITS:
        assert f"ExecStart=/usr/local/bin/{path.stem}\n" in path.read_text()


def test_unit_is_right_and_shuts_its_service_in(unit: pathlib.Path) -> None:
    analyze = program("systemd-analyze")
    told = run(analyze, "verify", "--man=no", unit, cwd=unit.parent)
    assert told == ""
    run(
        *(analyze, "security", "--no-pager", "--offline=true", f"--threshold={EXPOSURE}", unit),
        cwd=unit.parent,
    )


def test_unit_gives_the_service_longer_than_it_needs_to_stop() -> None:
    from magnum.cmd.api import GRACE_SECONDS

    api = configparser.ConfigParser(strict=False, interpolation=None)
    api.read(UNITS[0])
    assert int(api["Service"]["TimeoutStopSec"]) > GRACE_SECONDS


@pytest.mark.skipif(os.getuid() != 0, reason="gives files to another user")
def test_user_and_directories_are_made(tmp_path: pathlib.Path) -> None:
    (tmp_path / "etc" / "magnum").mkdir(parents=True)
    for name in ("magnum.conf", "certificates.keys"):
        (tmp_path / "etc" / "magnum" / name).touch(0o644)
    root = f"--root={tmp_path}"
    run(program("systemd-sysusers"), root, ETC / "sysusers.d" / "magnum.conf", cwd=tmp_path)
    users = (tmp_path / "etc" / "passwd").read_text()
    uid = int(re.findall(r"^magnum:x:(\d+):.*:/usr/sbin/nologin$", users, re.MULTILINE)[0])
    lines = ETC / "tmpfiles.d" / "magnum.conf"
    run(program("systemd-tmpfiles"), root, "--create", lines, cwd=tmp_path)
    made = {
        str(path.relative_to(tmp_path)): (path.stat().st_mode & 0o777, path.stat().st_uid)
        for path in tmp_path.rglob("*")
        if "magnum" in path.parts
    }
    assert made == {
        "etc/magnum": (0o750, 0),
        "etc/magnum/magnum.conf": (0o640, 0),
        "etc/magnum/certificates.keys": (0o600, uid),
        "var/lib/magnum": (0o750, uid),
        "var/lib/magnum/certificates": (0o700, uid),
        "var/log/magnum": (0o750, uid),
        "run/magnum": (0o755, uid),
    }


def test_logs_are_rotated(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "magnum-api.log"
    log.write_text("a line\n")
    tmp_path.chmod(0o755)
    rules = tmp_path / "rules"
    text = (ETC / "logrotate.d" / "magnum").read_text()
    for there, here in (
        ("    su magnum magnum\n", ""),
        ("/var/log/magnum/", f"{tmp_path}/"),
    ):
        assert there in text
        text = text.replace(there, here)
    rules.write_text(text)
    rules.chmod(0o644)
    with log.open("a") as kept_open:
        run(program("logrotate"), "--force", "--state", tmp_path / "state", rules, cwd=tmp_path)
        kept_open.write("after\n")
    assert (tmp_path / "magnum-api.log.1").read_text() == "a line\n"
    assert log.read_text() == "after\n"


def test_hosts_packages_are_known_to_bindep(tmp_path: pathlib.Path) -> None:
    bindep = pathlib.Path(sys.executable).parent / "bindep"
    done = subprocess.run(
        [bindep, "--file", ROOT / "bindep.txt", "--list_all", "newline", "test"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert not done.stderr
    listed = set(done.stdout.split())
    needed = set(DEBIAN).union(*(stage.packages for stage in STAGES))
    if shutil.which("dpkg-query"):
        assert needed <= listed
