# SPDX-License-Identifier: Apache-2.0
"""What containers print, out of the frames in which docker sends it."""

from collections.abc import Iterator
from typing import Any

_HEADER_OCTETS = 8
_PIECE_OCTETS = 64 * 1024


def frames(raw: Any) -> Iterator[bytes]:
    """Yield what standard output and standard error carry, in the order they were written.

    A frame has a header of eight octets: which of the two, three of zero, and how many follow.

    :param raw: body of an answer, as urllib3 gives it.
    """
    while len(header := raw.read(_HEADER_OCTETS)) == _HEADER_OCTETS:
        left = int.from_bytes(header[4:])
        while left and (piece := raw.read(min(left, _PIECE_OCTETS))):
            left -= len(piece)
            yield piece


def newest(pieces: Iterator[bytes], most: int) -> str:
    """Return the end of an output.

    :param most: octets to keep of it.
    """
    kept = bytearray()
    for piece in pieces:
        kept += piece
        if len(kept) > 2 * most:  # not with every piece
            del kept[:-most]
    return text(bytes(kept[-most:]))


def oldest(pieces: Iterator[bytes], most: int, read: int) -> tuple[str, bool]:
    """Return the beginning of an output, and whether something is missing.

    :param most: octets to keep of it.
    :param read: octets after which nothing more is waited for.
    """
    kept, seen = bytearray(), 0
    for piece in pieces:
        kept += piece[: most - len(kept)]
        seen += len(piece)
        if seen > read:
            break
    return text(bytes(kept)), seen > len(kept)


def text(octets: bytes) -> str:
    """Decode an output, whatever it is: what is no UTF-8 becomes a mark."""
    return octets.decode("utf-8", "replace")
