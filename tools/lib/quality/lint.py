# SPDX-License-Identifier: Apache-2.0
"""Every static check, each by name: `lint.py`, or some: `lint.py ruff mypy`.

Runs inside the environment that has the tools (tools/lint and tox make one).
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from quality import limits, samples

ROOT = pathlib.Path(__file__).resolve().parents[3]
_BIN = pathlib.Path(sys.executable).parent
_SKIPPED = {".git", ".tox", ".venv", "build", "dist", "node_modules", "__pycache__"}


def _run(*command: str) -> bool:
    """Run a tool of the environment in the tree; whether it is content."""
    argv = [str(_BIN / command[0]), *command[1:]]
    env = os.environ | {"PATH": f"{_BIN}:{os.environ.get('PATH', '')}"}
    return subprocess.run(argv, cwd=ROOT, env=env, check=False).returncode == 0


def files() -> list[pathlib.Path]:
    """Return the files of the tree, without what git ignores and without the link to alembic."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [
            name
            for name in folders
            if name not in _SKIPPED and not name.endswith(("_cache", ".egg-info"))
        ]
        found += [pathlib.Path(folder, name) for name in names]
    return sorted(path for path in found if path.is_file())


def _is_shell(path: pathlib.Path) -> bool:
    """Whether it is a script, or what a script sources and has the same first line."""
    if path.suffix == ".sh":
        return True
    if path.suffix:
        return False
    with path.open("rb") as file:
        first = file.readline()
    return first.startswith(b"#!") and b"sh" in first.split(b"/")[-1]


def _shellcheck() -> bool:
    scripts = [str(path.relative_to(ROOT)) for path in files() if _is_shell(path)]
    return _run("shellcheck", "--external-sources", "--severity=style", *scripts)


def _bashate() -> bool:
    """Whether what DevStack sources is in DevStack's style, save for lines up to our length."""
    scripts = [path for path in files() if path.is_relative_to(ROOT / "devstack")]
    names = [str(path.relative_to(ROOT)) for path in scripts if _is_shell(path)]
    return _run("bashate", "--max-line-length=100", "--error=E006", *names)


def _limits() -> bool:
    problems = list(limits.violations(ROOT, files()))
    print("\n".join(problems) or "All files and functions are within the limits.")
    return not problems


def _licence() -> bool:
    """Whether each source file names its licence in one of its first lines."""
    missing = [
        str(path.relative_to(ROOT))
        for path in files()
        if path.suffix in {".py", ".sh"}
        and path.stat().st_size
        and "SPDX-License-Identifier: Apache-2.0" not in path.read_text()[:200]
    ]
    print("\n".join(f"{name}: no SPDX line" for name in missing) or "Every file has its SPDX line.")
    return not missing


def _docs() -> bool:
    with tempfile.TemporaryDirectory() as output:
        return _run(
            "sphinx-build", "-W", "--keep-going", "-q", "-E", "-b", "html", "doc/source", output
        )


CHECKS: dict[str, Callable[[], bool]] = {
    "ruff": lambda: _run("ruff", "check", "."),
    "format": lambda: _run("ruff", "format", "--check", "."),
    "mypy": lambda: _run("mypy"),
    "imports": lambda: _run("lint-imports", "--no-logo"),
    "shellcheck": _shellcheck,
    "bashate": _bashate,
    "limits": _limits,
    "licence": _licence,
    "samples": samples.are_current,
    "docs": _docs,
    "releasenotes": lambda: _run("reno", "lint"),
}


def main(names: list[str]) -> int:
    """Run the checks and end with one line that sums up."""
    if unknown := set(names) - set(CHECKS):
        print(f"No such check: {', '.join(sorted(unknown))}; there are: {', '.join(CHECKS)}")
        return 2
    failed = []
    for name in names or CHECKS:
        print(f"--- {name}", flush=True)
        began = time.monotonic()
        if not CHECKS[name]():
            failed.append(name)
            print(f"--- {name} FAILED after {time.monotonic() - began:.1f} s", flush=True)
    passed = len(names or CHECKS) - len(failed)
    print(f"lint: {passed} passed, {len(failed)} failed {' '.join(failed)}".rstrip())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
