# SPDX-License-Identifier: Apache-2.0
"""Run a program of the service and keep writing down what tests want to know of its processes.

``wrapper.py FOLDER PROGRAM ARGUMENT...`` writes FOLDER/<pid>.modules, which modules each has, about
once a second, also in processes that are forked later; and FOLDER/<pid>.secrets, what each secret
is that it made or read. It calls the same entry point as the program does.
"""

import importlib.metadata
import os
import pathlib
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from magnum.certs import passwords, sealing

_PAUSE = 1.0  # seconds


def _write(folder: pathlib.Path) -> None:
    while True:
        loaded = sorted(name for name, module in list(sys.modules.items()) if module is not None)
        target = folder / f"{os.getpid()}.modules"
        part = target.with_suffix(".part")
        part.write_text("\n".join(loaded))
        part.replace(target)
        time.sleep(_PAUSE)


def _watch(folder: pathlib.Path) -> None:
    threading.Thread(target=_write, args=(folder,), daemon=True, name="modules").start()


def _confess(folder: pathlib.Path, what: str, made: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, which then writes down what it returns: a secret or some."""

    def confessing(*arguments: Any, **options: Any) -> Any:
        result = made(*arguments, **options)
        secrets = [result] if isinstance(result, str) else result
        with (folder / f"{os.getpid()}.secrets").open("a") as file:
            file.writelines(f"{what}\t{secret}\n" for secret in secrets)
        return result

    return confessing


def _have_confessed(folder: pathlib.Path) -> None:
    """Catch secrets where they come from, before anybody else has imported that."""
    password = _confess(folder, "the password of a node's user", passwords.node_password)
    passwords.node_password = password
    sealing._read = _confess(folder, "a key of certificates", sealing._read)


def main() -> int:
    """Start watching, then become the program."""
    folder, program = pathlib.Path(sys.argv[1]), sys.argv[2]
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name=program)
    sys.argv = [program, *sys.argv[3:]]
    sys.path.pop(0)  # this script's folder is no place to import from
    _have_confessed(folder)
    _watch(folder)
    os.register_at_fork(after_in_child=lambda: _watch(folder))
    return entry.load()() or 0


if __name__ == "__main__":
    sys.exit(main())
