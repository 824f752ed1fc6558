# SPDX-License-Identifier: Apache-2.0
"""What containers print is read whatever it is."""

import io
from collections.abc import Iterable

import pytest

from magnum.clients.docker import output


def framed(*pieces: tuple[int, bytes]) -> io.BytesIO:
    """Put output into the frames that docker sends it in."""
    return io.BytesIO(
        b"".join(bytes([of, 0, 0, 0]) + len(piece).to_bytes(4) + piece for of, piece in pieces)
    )


def test_frames_of_both_outputs_are_joined() -> None:
    raw = framed((1, b"one\n"), (2, b"two\n"), (1, b""), (1, b"three"))
    assert b"".join(output.frames(raw)) == b"one\ntwo\nthree"


def test_large_frame_comes_in_pieces() -> None:
    pieces = list(output.frames(framed((1, b"x" * 200_000))))
    assert max(map(len, pieces)) < 100_000
    assert sum(map(len, pieces)) == 200_000


@pytest.mark.parametrize("cut", [1, 7, 8, 10])
def test_output_that_ends_amid_a_frame_is_what_there_is(cut: int) -> None:
    whole = framed((1, b"hello")).getvalue()
    expected = b"hello"[: max(0, cut - 8)]
    assert b"".join(output.frames(io.BytesIO(whole[:cut]))) == expected


@pytest.mark.parametrize("sizes", [[10], [3, 3, 4], [1] * 10])
def test_newest_keeps_the_end(sizes: Iterable[int]) -> None:
    text = b"0123456789"
    stream = io.BytesIO(text)
    assert output.newest((stream.read(size) for size in sizes), 4) == "6789"


def test_oldest_keeps_the_beginning_and_reads_no_further_than_it_may() -> None:
    assert output.oldest(iter([b"abc"]), 5, 100) == ("abc", False)
    assert output.oldest(iter([b"abc", b"def"]), 5, 100) == ("abcde", True)

    def endless() -> Iterable[bytes]:
        while True:
            yield b"y\n"

    assert output.oldest(iter(endless()), 4, 100) == ("y\ny\n", True)


def test_what_is_no_text_becomes_a_mark() -> None:
    assert output.text(b"a\xff\x00b") == "a\N{REPLACEMENT CHARACTER}\x00b"
