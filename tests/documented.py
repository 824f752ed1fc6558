# SPDX-License-Identifier: Apache-2.0
"""What the documentation tells its readers to type, to write down and to expect, for tests of that.

A block ``.. code-block:: console`` holds commands after ``$`` (``#`` for root), continued by a
backslash or after ``>``, and under each what it prints, ``...`` for any text.  One with
``:class: run`` is run literally by ``tests/functional/test_documented_commands.py``.  An ``ini``
block is of magnum.conf, unless its ``:caption:`` names another file.  The role ``message`` quotes
what our code says.
"""

import dataclasses
import pathlib
import re
import shlex
from collections.abc import Iterator, Mapping

ROOT = pathlib.Path(__file__).resolve().parents[1]
SOURCE = ROOT / "doc" / "source"

_BLOCK = re.compile(r"(?P<indent> *)\.\. code-block:: (?P<language>\S+)")
_OPTION = re.compile(r" *:(?P<name>[\w-]+): *(?P<value>.*)")
_MESSAGE = re.compile(r":message:`([^`]+)`")
_PROMPT = re.compile(r"[$#] (?P<command>.*)")
_SEPARATORS = set("();|&")
_REDIRECTIONS = set("<>")
_KEYWORDS = {"while", "until", "do", "done", "if", "then", "else", "fi", "!"}


@dataclasses.dataclass(frozen=True)
class Block:
    """A literal block of a page; ``line`` is where it begins."""

    page: pathlib.Path
    line: int
    language: str
    options: Mapping[str, str]
    text: str

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def classes(self) -> list[str]:
        return self.options.get("class", "").split()


@dataclasses.dataclass
class Command:
    """A command as it is typed, and lines that it prints."""

    text: str
    printed: list[str] = dataclasses.field(default_factory=list)


def pages() -> list[pathlib.Path]:
    """Return all pages."""
    return sorted(SOURCE.rglob("*.rst"))


def blocks(page: pathlib.Path, language: str) -> list[Block]:
    """Return the blocks of a language, in their order."""
    lines = page.read_text().splitlines()
    found = []
    for number, line in enumerate(lines, 1):
        match = _BLOCK.fullmatch(line)
        if match and match["language"] == language:
            body = _indented(lines[number:], len(match["indent"]))
            found.append(_block(page, number, language, body))
    return found


def _indented(lines: list[str], indent: int) -> list[str]:
    """Return the lines up to the first that is indented no deeper."""
    body = []
    for line in lines:
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            break
        body.append(line)
    return body


def _block(page: pathlib.Path, number: int, language: str, body: list[str]) -> Block:
    options = {}
    while body and (match := _OPTION.fullmatch(body[0])):
        options[match["name"]] = match["value"]
        del body[0]
    depth = min(len(line) - len(line.lstrip()) for line in body if line.strip())
    text = "\n".join(line[depth:] for line in body).strip("\n")
    return Block(page, number, language, options, text)


def commands(block: Block) -> list[Command]:
    """Return the commands of a console block.

    :raises ValueError: it begins with something else.
    """
    found: list[Command] = []
    continued = False
    for line in block.text.splitlines():
        if continued or line.startswith("> "):
            found[-1].text += "\n" + line.removeprefix("> ")
        elif match := _PROMPT.fullmatch(line):
            found.append(Command(match["command"]))
        elif found:
            found[-1].printed += [line] if line.strip() else []
        else:
            raise ValueError(f"{block.where}: {line!r} comes before any command")
        continued = found[-1].text.endswith("\\") and not found[-1].printed
    return found


def programs(command: str) -> Iterator[list[str]]:
    """Yield the words of each program that a command starts, those in quotes left alone."""
    words: list[str] = []
    is_file = False  # behind a redirection
    tokens = shlex.shlex(command.replace("\\\n", " "), posix=True, punctuation_chars=True)
    tokens.whitespace_split, tokens.commenters = True, ""
    tokens.whitespace = " \t"  # a line's end separates programs
    for token in [part for piece in tokens for part in _lines(piece)]:
        if token != "\n" and set(token) & _REDIRECTIONS:
            is_file = True
        elif token == "\n" or set(token) <= _SEPARATORS:
            if words:
                yield words
            words = []
        elif is_file:
            is_file = False
        elif words or not (token in _KEYWORDS or "=" in token):
            words.append(token)
    if words:
        yield words


def _lines(token: str) -> list[str]:
    """Split a token at the ends of lines; quoted ones keep theirs as spaces."""
    parts = token.split("\n")
    return [part for pair in zip(parts, ["\n"] * len(parts), strict=True) for part in pair][:-1]


def messages(page: pathlib.Path) -> list[str]:
    """Return what a page says that our code says."""
    return [" ".join(found.split()) for found in _MESSAGE.findall(page.read_text())]


def is_printed(wanted: str, output: str) -> bool:
    """Tell whether a documented line is in some line of an output, however either is spaced."""
    pieces = (re.escape(piece.strip()) for piece in " ".join(wanted.split()).split("..."))
    pattern = re.compile(".*".join(pieces))
    return any(pattern.search(" ".join(line.split())) for line in output.splitlines())
