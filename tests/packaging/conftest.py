# SPDX-License-Identifier: Apache-2.0
"""An sdist of the tree, a wheel built from it, and an environment with that wheel."""

import pathlib
import shutil
import sys
import venv

import pytest

from tests.packaging.commands import ROOT, run

_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".tox", ".venv", "*_cache", "__pycache__", "*.egg-info", "build", "dist"
)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A copy of the tree, so that building leaves nothing behind in it."""
    copy = tmp_path_factory.mktemp("checkout") / "magnum"
    shutil.copytree(ROOT, copy, symlinks=True, ignore=_LEFT_OUT)
    return copy


@pytest.fixture(scope="session")
def built(checkout: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with one sdist and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", folder, checkout, cwd=folder)
    return folder


@pytest.fixture(scope="session")
def wheel(built: pathlib.Path) -> pathlib.Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def installed(wheel: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The folder of programs of an environment that has the wheel and knows no checkout."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=True)
    run(folder / "bin" / "pip", "install", "--quiet", wheel, cwd=folder)
    return folder / "bin"
