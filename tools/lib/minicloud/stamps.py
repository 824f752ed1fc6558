# SPDX-License-Identifier: Apache-2.0
"""Stamps: which lasting step of `up` is done, and from which input.

A step whose stamp holds the digest of today's input is skipped. The stamp is written last, so a
step that was interrupted has none and is done again.
"""

import hashlib
import pathlib


class Stamps:
    """The stamps of one mini cloud, one file a step."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder

    def path(self, step: str) -> pathlib.Path:
        """Return where the digest of a step is, for steps that build upon it."""
        return self._folder / step

    def fresh(self, step: str, digest: str) -> bool:
        """Tell whether a step was finished with this input."""
        try:
            return self.path(step).read_text() == digest
        except FileNotFoundError:
            return False

    def clear(self, step: str) -> None:
        """Forget a step, before doing it again."""
        self.path(step).unlink(missing_ok=True)

    def set(self, step: str, digest: str) -> None:
        """Record that a step is finished."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self.path(step).write_text(digest)


def digest(*parts: str | pathlib.Path) -> str:
    """Return a digest of texts and of the contents of files."""
    state = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, pathlib.Path) else part.encode()
        state.update(hashlib.sha256(content).digest())
    return state.hexdigest()
