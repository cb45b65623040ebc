"""The signature of a file's content, and what it says of a literal.

A piece is four bytes; its hash is 16 bits of `w ^ (w >> 13)`, `w` the piece as a little-endian number. The hashes of
all pieces of a file come from three operations on one large number, so no step of Python is taken per byte.
"""

from collections.abc import Sequence
from enum import IntEnum

PIECE = 4
"""Bytes; a shorter literal says nothing."""

SLICE_BYTES = 65_536
"""rg looks for a NUL in so many first bytes only where it holds a file as a whole (multiline)."""

LARGEST = 4_000_000
"""Bytes; a larger text has no signature and is always a candidate."""

_FILL = 6
"""Bits of a signature for each of its pieces, at least; one in six or fewer is set."""

_LEAST, _MOST = 9, 16
_MASK = 0xFFFF
_KELVIN, _LONG_S = "\u212a".encode(), "\u017f".encode()
_DIGITS = bytes.maketrans(b"\0\1", b"01")


class Kind(IntEnum):
    """What rg makes of a content: a `BINARY` one (a NUL in it) never counts as a match, a `LATE` one's NUL is
    not seen in multiline searches, a `WIDE` one is decoded first (UTF-16), so that its bytes say nothing, and
    what becomes of an `ODD` one (a NUL in UTF-16) depends on how it is reached."""

    TEXT = 0
    BINARY = 1
    LATE = 2
    WIDE = 3
    ODD = 4


def read(data: bytes) -> tuple[Kind, bytes]:
    """The kind of a content and its signature; an empty signature says nothing."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return (Kind.ODD if "\0" in data.decode("utf-16", "replace") else Kind.WIDE), b""
    nul = data.find(b"\0")
    if nul >= 0:
        return (Kind.BINARY if nul < SLICE_BYTES else Kind.LATE), b""
    return Kind.TEXT, signature(data) if len(data) <= LARGEST else b""


def signature(data: bytes) -> bytes:
    """The bitmap of a text's pieces; its length is a power of two."""
    data = fold(data)
    number = int.from_bytes(data, "little")
    mixed = memoryview((number ^ (number >> 13)).to_bytes(len(data) + 4, "little"))
    even = (len(data) + 2) & ~1
    hashes = set(mixed[:even].cast("H"))
    hashes.update(mixed[1 : even + 1].cast("H"))
    width = _LEAST
    while width < _MOST and (1 << width) < _FILL * len(hashes):
        width += 1
    bits = bytearray(1 << width)
    mask = len(bits) - 1
    for one in hashes:
        bits[one & mask] = 1
    return int(bits.translate(_DIGITS)[::-1], 2).to_bytes(len(bits) >> 3, "little")


def fold(data: bytes) -> bytes:
    """In lower case, with the two other letters that match an ASCII one when case is ignored."""
    return data.lower().replace(_KELVIN, b"k").replace(_LONG_S, b"s")


def hashes(literal: bytes) -> list[int]:
    """The hashes of a literal's pieces."""
    literal = fold(literal)
    words = (int.from_bytes(literal[at : at + PIECE], "little") for at in range(len(literal) - PIECE + 1))
    return list(dict.fromkeys((word ^ (word >> 13)) & _MASK for word in words))


class Shelf:
    """The signatures of a workspace's files, by length, for fast looking through."""

    def __init__(self) -> None:
        self._by_length: dict[int, dict[str, bytes]] = {}
        self._length: dict[str, int] = {}
        self.bytes = 0

    def put(self, path: str, signature: bytes) -> None:
        """Keep a file's signature instead of its former one."""
        self.drop(path)
        self._by_length.setdefault(len(signature), {})[path] = signature
        self._length[path] = len(signature)
        self.bytes += len(signature)

    def drop(self, path: str) -> None:
        """Forget a file's."""
        length = self._length.pop(path, None)
        if length is not None:
            del self._by_length[length][path]
            self.bytes -= length

    def fitting(self, literals: Sequence[bytes]) -> list[str]:
        """The files that can hold all these literals."""
        wanted = {one for literal in literals for one in hashes(literal)}
        found: list[str] = []
        for length, group in self._by_length.items():
            left = list(group.items())
            mask = length * 8 - 1
            for place in {one & mask for one in wanted} if length else ():
                byte, bit = place >> 3, 1 << (place & 7)
                left = [item for item in left if item[1][byte] & bit]
                if not left:
                    break
            found += [path for path, _ in left]
        return found
