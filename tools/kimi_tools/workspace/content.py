"""A file's bytes as text and back, without changing anything that was not edited.

Encoding, byte-order mark, the mix of line ends and the final newline all survive: edits are made on the text
with its line ends as they are, and every character goes back to the bytes that it came from.
"""

import codecs
import hashlib
from dataclasses import dataclass

from kimi_tools.errors import Conflict, PathRefused

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Stale(Conflict):
    """The file changed since the caller read it."""


def digest(data: bytes) -> str:
    """The first 12 hex digits of the SHA-256 of a file's bytes: the `hash` of reads and edits."""
    return hashlib.sha256(data).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Content:
    """A text file: its bytes, its text (line ends as they are), and how to get back from one to the other."""

    path: str
    data: bytes
    text: str
    encoding: str
    mark: bytes = b""

    @staticmethod
    def decode(path: str, data: bytes) -> "Content":
        """Read bytes as text: by byte-order mark, else UTF-8, else Latin-1, which loses nothing.

        Raises `PathRefused` for binary files (a NUL byte where no mark explains it).
        """
        for mark, encoding in _MARKS:
            if data.startswith(mark):
                try:
                    return Content(path, data, data[len(mark) :].decode(encoding), encoding, mark)
                except UnicodeDecodeError:
                    break
        if b"\0" in data[:65_536]:
            raise PathRefused(f"'{path}' is binary; these tools read and write text.")
        try:
            return Content(path, data, data.decode("utf-8"), "utf-8")
        except UnicodeDecodeError:
            return Content(path, data, data.decode("latin-1"), "latin-1")

    def encode(self, text: str) -> bytes:
        """The bytes of a new text in this file's encoding. Raises `Conflict` for characters that it lacks."""
        try:
            return self.mark + text.encode(self.encoding)
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
    def hash(self) -> str:
        """The file's `digest`, for the guard against stale edits."""
        return digest(self.data)
