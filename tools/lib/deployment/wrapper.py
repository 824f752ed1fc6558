# SPDX-License-Identifier: Apache-2.0
"""Run a program of the service and keep writing down which modules each of its processes has.

``wrapper.py FOLDER PROGRAM ARGUMENT...`` writes FOLDER/<pid>.modules about once a second, also in
processes that are forked later. It calls the same entry point as the program does.
"""

import importlib.metadata
import os
import pathlib
import sys
import threading
import time

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


def main() -> int:
    """Start watching, then become the program."""
    folder, program = pathlib.Path(sys.argv[1]), sys.argv[2]
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name=program)
    sys.argv = [program, *sys.argv[3:]]
    sys.path.pop(0)  # this script's folder is no place to import from
    _watch(folder)
    os.register_at_fork(after_in_child=lambda: _watch(folder))
    return entry.load()() or 0


if __name__ == "__main__":
    sys.exit(main())
