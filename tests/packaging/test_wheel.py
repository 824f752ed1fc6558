# SPDX-License-Identifier: Apache-2.0
"""What is installed is what is in the tree, and works without the tree."""

import configparser
import os
import pathlib
import sqlite3
import subprocess
import tarfile
import zipfile

import pytest

from tests.packaging.commands import ROOT, run


def _tree() -> set[str]:
    """Return the files below magnum/, the linked migrations included."""
    found = set()
    for folder, folders, names in os.walk(ROOT / "magnum", followlinks=True):
        folders[:] = [name for name in folders if name != "__pycache__"]
        found |= {str(pathlib.Path(folder, name).relative_to(ROOT)) for name in names}
    return found


def test_wheel_holds_every_file_of_the_package(wheel: pathlib.Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    carried = {name for name in names if ".dist-info/" not in name}
    assert carried == _tree()


def test_sdist_holds_what_is_needed_to_build_and_test(built: pathlib.Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"LICENSE", "README.rst", "setup.cfg", "pyproject.toml", "tox.ini", "tools/test"}
    wanted |= {"contrib/example_driver/setup.cfg"}
    host = {".dockerignore", "Containerfile", "bindep.txt"}
    host |= {str(path.relative_to(ROOT)) for path in (ROOT / "etc").rglob("*") if path.is_file()}
    assert wanted | host | _tree() <= names


def test_installed_wheel_migrates_an_empty_database(
    installed: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    database = tmp_path / "magnum.sqlite"
    config = tmp_path / "magnum.conf"
    config.write_text(f"[database]\nconnection = sqlite:///{database}\n")
    run(installed / "magnum-db-manage", "--config-file", config, "upgrade", cwd=tmp_path)
    with sqlite3.connect(database) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    assert {"alembic_version", "cluster", "cluster_template", "operation"} <= tables


PROGRAMS = {
    "magnum-api": ["--config-file"],
    "magnum-conductor": ["--config-file"],
    "magnum-db-manage": ["version", "upgrade", "stamp", "revision", "rotate-certificate-keys"],
    "magnum-template-manage": ["list-templates", "--config-file"],
    "magnum-status": ["upgrade check", "--config-file", "255"],
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_explains_itself_without_a_configuration(
    installed: pathlib.Path, tmp_path: pathlib.Path, name: str
) -> None:
    printed = " ".join(run(installed / name, "--help", cwd=tmp_path).split())
    for word in (*PROGRAMS[name], "xample", "xit status: 0"):
        assert word in printed


def test_every_program_has_its_help_tested() -> None:
    assert _declared_programs() == set(PROGRAMS)


def _declared_programs() -> set[str]:
    declared = configparser.ConfigParser()
    declared.read(ROOT / "setup.cfg")
    lines = declared["options.entry_points"]["console_scripts"].split("\n")
    return {line.partition(" = ")[0] for line in lines if line}


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("version", ["revision the database is at"]),
        ("upgrade", ["default: the newest"]),
        ("stamp", ["head for the newest"]),
        ("revision", ["--message", "--autogenerate"]),
    ],
)
def test_command_of_db_manage_explains_itself(
    installed: pathlib.Path, tmp_path: pathlib.Path, command: str, words: list[str]
) -> None:
    printed = " ".join(run(installed / "magnum-db-manage", command, "--help", cwd=tmp_path).split())
    assert all(word in printed for word in words)


def test_every_entry_point_of_the_wheel_can_be_loaded(
    installed: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    program = (
        "import importlib.metadata as m\n"
        "points = m.distribution('magnum').entry_points\n"
        "for point in points:\n"
        "    point.load()\n"
        "    print(point.group, point.name)\n"
    )
    printed = run(installed / "python", "-W", "ignore", "-c", program, cwd=tmp_path)
    declared = configparser.ConfigParser()
    declared.read(ROOT / "setup.cfg")
    groups = declared["options.entry_points"]
    count = sum(len(value.strip().splitlines()) for value in groups.values())
    assert len(printed.splitlines()) == count


def test_editable_install_finds_the_migrations(
    checkout: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    folder = tmp_path / "editable"
    subprocess.run(["python3", "-m", "venv", str(folder)], check=True)
    pip = folder / "bin" / "pip"
    run(pip, "install", "--quiet", "--no-deps", "--editable", checkout, cwd=tmp_path)
    program = "import magnum.db.migrations as m; print(*m.__path__)"
    printed = run(folder / "bin" / "python", "-c", program, cwd=tmp_path)
    assert pathlib.Path(printed.strip()).resolve() == checkout / "alembic"
