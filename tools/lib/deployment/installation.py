# SPDX-License-Identifier: Apache-2.0
"""Put this checkout's service, and clients of several ages, into environments of their own."""

import hashlib
import os
import pathlib
import shutil
import tempfile

from deployment.cloud import ROOT
from quality import environment

_PARTS = ("LICENSE", "MANIFEST.in", "README.rst", "pyproject.toml", "setup.cfg")
_FOLDERS = ("alembic", "magnum")
_HERE = pathlib.Path(__file__).parent


def _sources() -> list[pathlib.Path]:
    found = [ROOT / name for name in _PARTS]
    for top in _FOLDERS:
        for folder, _, names in os.walk(ROOT / top):
            found += [pathlib.Path(folder, name) for name in names if not name.endswith(".pyc")]
    return sorted(path for path in found if path.is_file())


def service() -> pathlib.Path:
    """Install the service as `pip install .` does, again when its code changed.

    It is installed from a copy, so that no build leaves anything in the tree or takes old files
    from there.

    :returns: the folder of its programs.
    :raises quality.environment.SetupFailed: it could not be installed.
    """
    checkout = hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]
    with tempfile.TemporaryDirectory(prefix="magnum-source-") as folder:
        copy = pathlib.Path(folder)
        for name in _PARTS:
            shutil.copy(ROOT / name, copy)
        for name in _FOLDERS:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=ignored)
        python = environment.ensure(
            f"service-{checkout}", [str(copy)], _sources(), shown=f"the service from {ROOT}"
        )
    return python.parent


def client(version: str) -> pathlib.Path:
    """Install an unmodified python-magnumclient from PyPI.

    :returns: its program `magnum`.
    :raises quality.environment.SetupFailed: it could not be installed.
    """
    pins = _HERE / f"client-{version}.txt"
    python = environment.ensure(
        f"client-{version}",
        ["--requirement", str(pins)],
        [pins],
        shown=f"python-magnumclient {version} from PyPI",
    )
    return python.parent / "magnum"
