# SPDX-License-Identifier: Apache-2.0
"""The container file, read as far as that goes without a registry to build from."""

import fnmatch
import re
import shlex

from tests.packaging.commands import ROOT

Instruction = tuple[str, list[str]]


def instructions() -> list[Instruction]:
    """Return the words of each instruction."""
    lines = (ROOT / "Containerfile").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", text)
    return [(words[0], words[1:]) for line in joined.splitlines() if (words := shlex.split(line))]


def of(name: str) -> list[list[str]]:
    return [words for instruction, words in instructions() if instruction == name]


def copied() -> set[str]:
    """Return what is copied from the tree."""
    return {
        source.removeprefix("./")
        for words in of("COPY")
        if not words[0].startswith("--from")
        for source in words[:-1]
    }


def test_it_is_made_of_known_instructions() -> None:
    known = {"ARG", "FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE"}
    assert {name for name, _ in instructions()} <= known | {"STOPSIGNAL", "CMD"}


def test_services_are_not_run_by_root() -> None:
    names = [name for name, _ in instructions()]
    (user,) = of("USER")
    assert user == ["magnum"]
    assert "RUN" not in names[names.index("USER") :]
    (made,) = [words for words in of("RUN") if "useradd" in words]
    assert made[made.index("--uid") + 1].isdigit()


def test_all_that_an_installation_needs_is_copied_and_let_through() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    let_through = {line[1:] for line in ignored if line.startswith("!")}
    assert "*" in ignored
    assert copied() == let_through
    for name in copied():
        assert (ROOT / name).exists(), name
        assert not any(
            fnmatch.fnmatch(name, line) for line in ignored if line not in {"*", f"!{name}"}
        )


def test_it_holds_the_programs_of_both_services() -> None:
    (environment,) = [words for words in of("RUN") if "venv" in words]
    home = environment[environment.index("venv") + 1]
    assert any(word.startswith(f"PATH={home}/bin:") for words in of("ENV") for word in words)
    assert of("CMD")[0] == ["[magnum-api]"]
    assert ["9511"] in of("EXPOSE")
