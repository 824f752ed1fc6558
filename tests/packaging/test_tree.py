# SPDX-License-Identifier: Apache-2.0
"""What must hold for the tree itself, so that it can be installed at all."""

import os
import pathlib
import subprocess
import sys

from tests.packaging.commands import ROOT, run


def test_alembic_folder_is_no_package() -> None:
    """With an __init__.py our migrations would hide the library of the same name."""
    assert not (ROOT / "alembic" / "__init__.py").exists()


def test_alembic_is_the_library_when_imported_from_the_root(tmp_path: pathlib.Path) -> None:
    program = "import alembic; print(alembic.__file__)"
    found = run(sys.executable, "-c", program, cwd=ROOT).strip()
    assert not pathlib.Path(found).is_relative_to(ROOT)


def test_migrations_are_a_link_to_the_top_level_folder() -> None:
    link = ROOT / "magnum" / "db" / "migrations"
    assert link.is_symlink()
    assert str(link.readlink()) == "../../alembic"


def test_every_tool_is_executable_and_explains_itself() -> None:
    for name in ("test", "lint", "demo", "minicloud"):
        tool = ROOT / "tools" / name
        assert os.access(tool, os.X_OK), name
    printed = subprocess.run(
        [ROOT / "tools" / "demo", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert "--keep" in printed
