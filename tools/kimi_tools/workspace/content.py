"""A file's bytes as text and back, without changing anything that was not edited.

Encoding, byte-order mark, the mix of line ends and the final newline all survive: `spliced` puts new bytes
between the old ones, so what is not edited is never decoded and encoded again.
"""

import codecs
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from kimi_tools.errors import Conflict, PathRefused

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_DECLARED = re.compile(
    rb"\A(?:[^\n]*\n)?[ \t\f]*#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)"  # PEP 263
    rb"|\A<\?xml[^>]*encoding=[\"']([-_.a-zA-Z0-9]+)[\"']"
)
_KINDS = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "gzip data"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3", "an SQLite database"),
)


class Stale(Conflict):
    """The file changed since the caller read it."""


def digest(data: bytes) -> str:
    """The first 12 hex digits of the SHA-256 of a file's bytes: the `hash` of reads and edits."""
    return hashlib.sha256(data).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Splice:
    """Characters `start` to `end` (exclusive) of a content's text, and what comes in their place."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Content:
    """A text file: its bytes, its text (line ends as they are), and how to get back from one to the other.

    `strays`: indexes in the text of characters that stand for one byte each that is not `encoding`.
    `guessed`: nothing in the file says its encoding, and it is not UTF-8.
    """

    path: str
    data: bytes
    text: str
    encoding: str
    mark: bytes = b""
    strays: tuple[int, ...] = ()
    guessed: bool = False

    @staticmethod
    def decode(path: str, data: bytes) -> "Content":
        """Read bytes as text: by byte-order mark, as UTF-8, by what the file declares (PEP 263, XML), else as
        UTF-8 with stray bytes where it mostly is that, else as Latin-1 or its superset cp1252.

        Raises `PathRefused` for binary files (a NUL byte where no mark explains it).
        """
        for mark, encoding in _MARKS:
            if data.startswith(mark):
                try:
                    return Content(path, data, data[len(mark) :].decode(encoding), encoding, mark)
                except UnicodeDecodeError:
                    break
        if b"\0" in data[:65_536] or data.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF-")):
            raise PathRefused(f"'{path}' is {_kind(data)} ({len(data):,} bytes); these tools read text.")
        try:
            return Content(path, data, data.decode("utf-8"), "utf-8")
        except UnicodeDecodeError:
            return _decode_other(path, data)

    def encode(self, text: str) -> bytes:
        """The bytes of a whole new text in this file's encoding. Raises `Conflict` for what it cannot hold."""
        return self.mark + self._encode(text)

    def spliced(self, splices: Sequence[Splice]) -> bytes:
        """The file's bytes with some characters replaced, in order and not overlapping; all others untouched.

        Raises `Conflict` for characters that the encoding cannot hold.
        """
        pieces: list[bytes] = []
        index, offset, copied = 0, len(self.mark), 0
        for splice in splices:
            start = self._offset(splice.start, index, offset)
            index, offset = splice.end, self._offset(splice.end, splice.start, start)
            pieces += [self.data[copied:start], self._encode(splice.text)]
            copied = offset
        return b"".join([*pieces, self.data[copied:]])

    def _offset(self, index: int, known: int, known_offset: int) -> int:
        """Where in the bytes character `index` begins, counted from one whose place is known."""
        piece = self.text[known:index].encode(self.encoding)
        strays = sum(known <= at < index for at in self.strays)
        offset = known_offset + len(piece) - strays  # a stray takes two bytes in UTF-8, one in the file
        if not strays and self.data[known_offset:offset] != piece:
            raise Conflict(
                f"'{self.path}' is {self.encoding}, which cannot be edited in part; convert it first."
            )
        return offset

    def _encode(self, text: str) -> bytes:
        if self.guessed:
            unknown = next((letter for letter in text if letter > "\x7f" and letter not in self.text), None)
            if unknown:
                raise Conflict(
                    f"'{self.path}' is not UTF-8 and does not say its encoding, so {unknown!r} cannot be "
                    "written into it; use ASCII or convert the file first."
                )
        try:
            return text.encode(self.encoding)
        except UnicodeEncodeError as error:
            raise Conflict(
                f"'{self.path}' is {self.encoding}, which cannot hold {text[error.start]!r}; "
                "use other characters or convert the file first."
            ) from None

    @property
    def newline(self) -> str:
        """The line end that most lines of the file have; `\\n` for a file with none."""
        crlf = self.text.count("\r\n")
        lf = self.text.count("\n") - crlf
        cr = self.text.count("\r") - crlf
        return max((lf, "\n"), (crlf, "\r\n"), (cr, "\r"), key=lambda pair: pair[0])[1]

    @property
    def lines(self) -> list[str]:
        """The lines without their ends, counted as ripgrep, git and tree-sitter count them.

        Only `\\n` ends a line (a `\\r` before it belongs to the end), so form feeds and U+2028 are text; in a
        file with no `\\n` at all `\\r` does.
        """
        text = self.text
        if "\n" not in text and "\r" in text:
            text = text.replace("\r", "\n")
        lines = [line.removesuffix("\r") for line in text.split("\n")]
        return lines if lines[-1] else lines[:-1]

    @property
    def utf8(self) -> bytes:
        """The text in UTF-8 without mark: what parsers want."""
        return (
            self.data if self.encoding == "utf-8" and not (self.mark or self.strays) else self.text.encode()
        )

    @property
    def hash(self) -> str:
        """The file's `digest`, for the guard against stale edits."""
        return digest(self.data)


def _kind(data: bytes) -> str:
    return next((name for magic, name in _KINDS if data.startswith(magic)), "binary")


def _decode_other(path: str, data: bytes) -> Content:
    declared = _DECLARED.match(data[:400])
    if declared:
        name = (declared[1] or declared[2]).decode("ascii")
        try:
            encoding = codecs.lookup(name).name
            text = data.decode(encoding)
            if text.encode(encoding) == data:
                return Content(path, data, text, encoding)
        except (LookupError, UnicodeError, TypeError):
            pass
    text, strays = _decode_mixed(data)
    if any(letter > "\x7f" for index, letter in enumerate(text) if index not in strays):
        return Content(path, data, text, "utf-8", strays=tuple(sorted(strays)))
    encoding = "latin-1"
    if any(0x80 <= byte < 0xA0 for byte in data):
        encoding = "cp1252"
    try:
        return Content(path, data, data.decode(encoding), encoding, guessed=True)
    except UnicodeDecodeError:
        return Content(path, data, data.decode("latin-1"), "latin-1", guessed=True)


def _decode_mixed(data: bytes) -> tuple[str, frozenset[int]]:
    """UTF-8 with each byte that does not fit shown as the Latin-1 character, and where those are."""
    text = data.decode("utf-8", "surrogateescape")
    strays = frozenset(index for index, letter in enumerate(text) if "\udc80" <= letter <= "\udcff")
    return "".join(
        chr(ord(letter) - 0xDC00) if "\udc80" <= letter <= "\udcff" else letter for letter in text
    ), strays
