# SPDX-License-Identifier: Apache-2.0
"""Check the inputs of a node's steps, from the headers of their scripts.

`/etc/magnum/steps` lists step names in order; the script of a step is `/opt/magnum/bin/NAME.sh`,
and its header says `# Inputs: A B`, `# Optional: C`, `# Produces: D`. Inputs come from the two env
files or from an earlier step.
"""

import dataclasses
import pathlib
import re
import shlex

ENV_FILES = ("etc/magnum/cluster.env", "etc/magnum/node.env")
_HEADER = re.compile(r"^#\s*(Inputs|Produces):\s*(.*)$")


class StepError(Exception):
    """A step cannot or did not succeed; the text begins with its name."""


@dataclasses.dataclass(frozen=True)
class Step:
    """One step, as its script's header describes it."""

    name: str
    inputs: tuple[str, ...] = ()
    produces: tuple[str, ...] = ()


def parse_env(text: str) -> dict[str, str]:
    """Return the values of an env file as a shell would read them."""
    values = {}
    for word in shlex.split(text, comments=True):
        name, equals, value = word.partition("=")
        if equals:
            values[name] = value
    return values


def parse_step(name: str, script: str) -> Step:
    """Read a script's header: the comment lines at its top, which may repeat a keyword."""
    found: dict[str, list[str]] = {"Inputs": [], "Produces": []}
    for line in script.splitlines():
        if not line.startswith("#"):
            break
        if match := _HEADER.match(line):
            found[match[1]] += re.split(r"[\s,]+", match[2].strip()) if match[2].strip() else []
    return Step(name, tuple(found["Inputs"]), tuple(found["Produces"]))


def read_steps(root: pathlib.Path) -> list[Step]:
    """Return the steps of the node whose files lie below a root.

    :raises StepError: a step has no script.
    """
    steps = []
    for line in (root / "etc/magnum/steps").read_text().splitlines():
        name = line.partition("#")[0].strip()
        if name:
            try:
                script = (root / "opt/magnum/bin" / f"{name}.sh").read_text()
            except FileNotFoundError as error:
                raise StepError(f"{name}: there is no /opt/magnum/bin/{name}.sh") from error
            steps.append(parse_step(name, script))
    return steps


def read_env(root: pathlib.Path) -> dict[str, str]:
    """Return the values of the node whose files lie below a root.

    :raises StepError: a file is missing or no shell could read it.
    """
    values: dict[str, str] = {}
    for file in ENV_FILES:
        try:
            values |= parse_env((root / file).read_text())
        except (FileNotFoundError, ValueError) as error:
            raise StepError(f"{file}: {error}") from error
    return values


def check_inputs(root: pathlib.Path, steps: list[Step]) -> None:
    """See that every step finds each of its inputs set and not empty.

    :raises StepError: an input is missing.
    """
    known = {name for name, value in read_env(root).items() if value}
    for step in steps:
        if missing := [name for name in step.inputs if name not in known]:
            raise StepError(f"{step.name}: missing input {', '.join(missing)}")
        known |= set(step.produces)
