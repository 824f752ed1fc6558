# SPDX-License-Identifier: Apache-2.0
"""The files in etc/magnum that are generated from the code: write them, or check them.

oslo's generators make those of options and of policy rules; for the others there is none.
"""

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


def _policy_json() -> str:
    """Return a policy file that overrides nothing, as the rules with their defaults are in code."""
    return "{}\n"


def _api_paste() -> str:
    """Return the pipeline of the code as a file for PasteDeploy."""
    from magnum.api import app, auth  # most checks do without the service

    filters = list(app.pipeline(auth.keystone))
    parts = [
        "# How the API is put together, from the outside in, for PasteDeploy.",
        "# The service does the same without this file.  To add middleware of your own, define",
        "# it as a filter and name it in the pipeline: before authtoken it sees requests that",
        "# nobody has checked, outside of faults it must not raise anything.",
        "# Options of these filters are in magnum.conf.",
        "",
        "[pipeline:main]",
        "pipeline =",
        *(f"    {name}" for name in [*filters, "api"]),
        "",
        "[app:api]",
        "use = egg:magnum#api",
    ]
    for name in filters:
        parts += ["", f"[filter:{name}]", f"use = egg:magnum#{name}"]
    return "\n".join(parts) + "\n"


TEXTS = {"policy.json": _policy_json, "api-paste.ini": _api_paste}
NAMES = (*COMMANDS, *TEXTS)


def _generate(name: str, target: pathlib.Path) -> None:
    if name in TEXTS:
        target.write_text(TEXTS[name]())
        return
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
        for name in NAMES:
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
    for sample in NAMES:
        _generate(sample, ETC / sample)
