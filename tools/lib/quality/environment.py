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

from minicloud import packages

ROOT = pathlib.Path(__file__).resolve().parents[3]
_INSTALLER = "installer"


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
    :param sources: files whose change means that it has to be installed again.
    :param shown: what to call it while it is installed; the requirements when empty.
    :raises SetupFailed: they could not be installed.
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
        pip = [str(python), "-m", "pip", "install"]
        install = pip if name == _INSTALLER else _uv_install(python)
        _run([*install, *requirements], folder.parent / f"{name}.log")
        stamp.write_text(digest)
    return python


def _uv_install(python: pathlib.Path) -> list[str]:
    """Return the command that does in seconds what takes pip minutes."""
    uv = ensure(_INSTALLER, ["uv"]).parent / "uv"
    return [str(uv), "pip", "install", "--python", str(python), "--compile-bytecode"]


def _is_of_this_python(folder: pathlib.Path) -> bool:
    """Tell whether an environment can be built upon; one of another Python breaks in odd ways."""
    settings = folder / "pyvenv.cfg"
    home = f"home = {pathlib.Path(sys.base_prefix) / 'bin'}"
    return (folder / "bin" / "python").exists() and home in settings.read_text().splitlines()


def _run(command: Sequence[str], log: pathlib.Path) -> None:
    env = packages.uv_environment(cache() / "uv-cache")
    with log.open("w") as output:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        )
    if done.returncode:
        end = "\n".join(log.read_text().splitlines()[-15:])
        raise SetupFailed(f"{end}\nThe installation failed; all it said is in {log}")


def for_checks() -> pathlib.Path:
    """Return the Python of the environment that has this checkout and all its tools."""
    checkout = hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]
    return ensure(
        f"checks-{checkout}",
        ["--editable", f"{ROOT}[test,lint,docs,postgresql]"],
        [ROOT / "setup.cfg"],
        shown=f"{ROOT} with what its tests need",
    )
