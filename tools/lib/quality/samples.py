# SPDX-License-Identifier: Apache-2.0
"""The files in etc/magnum that are generated from the code: write them, or check them."""

import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
ETC = ROOT / "etc" / "magnum"
_BIN = pathlib.Path(sys.executable).parent

COMMANDS = {
    "magnum.conf.sample": [
        "oslo-config-generator",
        "--config-file",
        str(ETC / "config-generator.conf"),
    ],
    "policy.yaml.sample": [
        "oslopolicy-sample-generator",
        "--config-file",
        str(ETC / "policy-generator.conf"),
    ],
}


def _generate(name: str, target: pathlib.Path) -> None:
    command = COMMANDS[name]
    subprocess.run(
        [str(_BIN / command[0]), *command[1:], "--output-file", str(target)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )


def _ours(text: str) -> list[str]:
    """Return the lines of a sample that are made from our code.

    Those of libraries change with every release of theirs, and are not for this check to judge.
    """
    kept: list[str] = []
    inside = True
    for line in text.splitlines():
        if line.startswith("# From "):
            inside = line == "# From magnum"
        if inside or line.startswith("["):
            kept.append(line)
    return kept


def are_current() -> bool:
    """Whether our part of the files is what the code makes today; says which are not."""
    stale = []
    with tempfile.TemporaryDirectory() as folder:
        for name in COMMANDS:
            made = pathlib.Path(folder, name)
            kept = ETC / name
            try:
                _generate(name, made)
            except subprocess.CalledProcessError as error:
                print(error.stderr)
                return False
            if not kept.exists() or _ours(kept.read_text()) != _ours(made.read_text()):
                stale.append(name)
    for name in stale:
        print(f"etc/magnum/{name} differs from the code: run `tox -e genconfig`")
    if not stale:
        print("The samples are what the code makes.")
    return not stale


if __name__ == "__main__":
    for sample in COMMANDS:
        _generate(sample, ETC / sample)
