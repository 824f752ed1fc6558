# SPDX-License-Identifier: Apache-2.0
"""The virtual environment in which the checks run, outside of the tree.

Made at the first use and again when setup.cfg changes, under `$MAGNUM_CACHE`, by default
`~/.cache/magnum`.
"""

import fcntl
import hashlib
import os
import pathlib
import subprocess
import sys
import venv
from collections.abc import Sequence

ROOT = pathlib.Path(__file__).resolve().parents[3]


class SetupFailed(Exception):
    """The environment could not be made; the text says where the log is."""


def cache() -> pathlib.Path:
    """Return the folder for what may be made anew at any time."""
    if given := os.environ.get("MAGNUM_CACHE"):
        return pathlib.Path(given)
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "magnum"


def _digest(requirements: Sequence[str], sources: Sequence[pathlib.Path]) -> str:
    state = hashlib.sha256("\n".join([sys.version, *requirements]).encode())
    for source in sources:
        state.update(source.read_bytes())
    return state.hexdigest()


def ensure(
    name: str,
    requirements: Sequence[str],
    sources: Sequence[pathlib.Path] = (),
    shown: str = "",
) -> pathlib.Path:
    """Make a virtual environment unless it is there, and return its Python.

    :param name: its folder in the cache.
    :param requirements: arguments of `pip install`.
    :param sources: files whose change means that pip has to run again.
    :param shown: what to call it while it is installed; the requirements when empty.
    :raises SetupFailed: pip failed.
    """
    folder = cache() / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    stamp, python = folder / "complete", folder / "bin" / "python"
    digest = _digest([shown or " ".join(requirements)], sources)
    with (folder.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == digest:
            return python
        print(f"Installing {shown or ' '.join(requirements)} into {folder}", flush=True)
        stamp.unlink(missing_ok=True)
        venv.create(folder, with_pip=True, clear=not _is_of_this_python(folder))
        _pip(python, requirements, folder.parent / f"{name}.log")
        stamp.write_text(digest)
    return python


def _is_of_this_python(folder: pathlib.Path) -> bool:
    """Tell whether an environment can be built upon; one of another Python breaks in odd ways."""
    settings = folder / "pyvenv.cfg"
    home = f"home = {pathlib.Path(sys.base_prefix) / 'bin'}"
    return (folder / "bin" / "python").exists() and home in settings.read_text().splitlines()


def _pip(python: pathlib.Path, requirements: Sequence[str], log: pathlib.Path) -> None:
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", *requirements]
    with log.open("w") as output:
        done = subprocess.run(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
        )
    if done.returncode:
        end = "\n".join(log.read_text().splitlines()[-15:])
        raise SetupFailed(f"{end}\npip failed; all it said is in {log}")


def for_checks() -> pathlib.Path:
    """Return the Python of the environment that has this checkout and all its tools."""
    checkout = hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]
    return ensure(
        f"checks-{checkout}",
        ["--editable", f"{ROOT}[test,lint,docs,postgresql]"],
        [ROOT / "setup.cfg"],
        shown=f"{ROOT} with what its tests need",
    )
