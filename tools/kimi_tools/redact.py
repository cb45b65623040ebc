"""Secrets out of whatever is shown, logged or kept.

Two passes: values that we know to be secret, in every form in which programs print them; then the shapes of
well-known tokens. The shapes were measured against 31 MB of the standard library: no false hit
(`python -m tests.bench.redact`). Mask before cutting a text, never after: half a token has no shape.
"""

import base64
import html
import json
import os
import re
import threading
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

# Name, a byte string without which there is no match (looked for first, at memory speed), the shape.
_SHAPES: tuple[tuple[str, bytes, bytes], ...] = (
    ("AWS key", b"AKIA", rb"\bAKIA[0-9A-Z]{16}\b"),
    ("AWS key", b"ASIA", rb"\bASIA[0-9A-Z]{16}\b"),
    ("GitHub token", b"gh", rb"\bgh[pousr]_[A-Za-z0-9]{36,255}\b"),
    ("GitHub token", b"github_pat_", rb"\bgithub_pat_[A-Za-z0-9_]{22,255}\b"),
    ("GitLab token", b"glpat-", rb"\bglpat-[A-Za-z0-9_-]{20,64}"),
    (
        "API key",
        b"sk-",
        rb"\bsk-(?:ant-|proj-|svcacct-|kimi-|or-v1-)?(?=[A-Za-z0-9_-]*[0-9])[A-Za-z0-9_-]{24,255}",
    ),
    ("Slack token", b"xox", rb"\bxox[abeoprs]-[A-Za-z0-9-]{10,255}"),
    ("Google key", b"AIza", rb"\bAIza[A-Za-z0-9_-]{35}"),
    ("Google token", b"ya29.", rb"\bya29\.[A-Za-z0-9_-]{20,255}"),
    ("Stripe key", b"k_live_", rb"\b[rs]k_live_[A-Za-z0-9]{16,255}"),
    ("npm token", b"npm_", rb"\bnpm_[A-Za-z0-9]{36}\b"),
    ("PyPI token", b"pypi-", rb"\bpypi-AgE[A-Za-z0-9_-]{50,255}"),
    ("Hugging Face token", b"hf_", rb"\bhf_[A-Za-z0-9]{30,60}\b"),
    ("SendGrid key", b"SG.", rb"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    (
        "JSON web token",
        b"eyJ",
        rb"\beyJ[A-Za-z0-9_-]{8,2048}\.eyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{16,1024}",
    ),
    (
        "private key",
        b"PRIVATE KEY",
        rb"-----BEGIN [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----"
        rb"(?:[A-Za-z0-9+/=\s\\\"',:-]{64,12000}?-----END [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----"
        rb"|(?:(?:\s|\\[nr])*[A-Za-z0-9+/=]{16,128})+)",
    ),
    (
        "password",
        b"://",
        rb"(?<=://)[A-Za-z0-9._%+-]{0,64}:(?!(?i:pass(?:word|wd)?|secret|x+|\*+)@)"
        rb"[^\s:/@'\"<>{}$]{6,128}(?=@[A-Za-z0-9\[])",
    ),
    (
        "credentials",
        b"uthorization",
        rb"(?<=uthorization: )(?:Bearer|Basic|Token|token|bearer|basic) [A-Za-z0-9._~+/=-]{16,4096}",
    ),
)
LONGEST = 12_288
"""No shape and no known value is longer than this, in bytes; the overlap that a stream keeps back."""

SHORTEST_VALUE = 8
"""A known value shorter than this is not masked: it would hit ordinary words."""

_SECRET_NAME = re.compile(r"(?i)(^|_)(key|token|secret|password|passwd|pwd|credentials?|apikey|auth)($|_)")
_ORDINARY = re.compile(r"[a-z_ -]{0,19}|[A-Z_ -]{0,19}|/.*|\d{0,11}")
"""Values of such variables that are no secrets: words (`disabled`), paths, numbers."""
_COMPILED = tuple(
    (f"[{name} left out]".encode(), needle, re.compile(shape)) for name, needle, shape in _SHAPES
)
_ESCAPE = (b"\x1b[", "⟨U+001B⟩[".encode())  # raw, and as `visible.reveal` shows it
_ESCAPES = re.compile(b"(?:" + b"|".join(map(re.escape, _ESCAPE)) + rb")[0-9;]*m")


class _Values:
    """The values that this process knows to be secret."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: set[str] = set()
        self.pattern: re.Pattern[bytes] | None = None
        self.has_line_ends = False

    def add(self, value: str) -> None:
        if len(value) < SHORTEST_VALUE or len(value) > LONGEST // 8:
            return
        with self._lock:
            if value not in self._known:
                self._known.add(value)
                self.has_line_ends |= "\n" in value
                forms = {form for known in self._known for form in _forms(known)}
                longest_first = sorted(forms, key=len, reverse=True)
                wrapped = {form for known in self._known for form in _base64_forms(known)}
                self.pattern = re.compile(b"|".join([*map(re.escape, longest_first), *map(_broken, wrapped)]))


_values = _Values()


def know(value: str) -> None:
    """From now on this value is masked wherever text is shown.

    As it is, and in the forms in which programs print it: base64 (also in lines), hex, URL, JSON (also within
    JSON), HTML, Python, UTF-16.
    """
    _values.add(value)


def know_environment(environment: Mapping[str, str] | None = None) -> None:
    """The values of variables whose names say that they are secret (`*_API_KEY`, `*_TOKEN` …) are known."""
    for name, value in (os.environ if environment is None else environment).items():
        if _SECRET_NAME.search(name) and not _ORDINARY.fullmatch(value):
            know(value)


def _forms(value: str) -> Iterator[bytes]:
    raw = value.encode("utf-8", "surrogateescape")
    yield raw
    for quoted in (*(urllib.parse.quote(raw, safe=safe) for safe in ("", "/")), urllib.parse.quote_plus(raw)):
        yield quoted.encode()
        yield re.sub(r"%..", lambda match: match[0].lower(), quoted).encode()
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    for in_json in (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        yield in_json.encode("utf-8", "surrogateescape")
        yield json.dumps(in_json, ensure_ascii=False)[1:-1].encode("utf-8", "surrogateescape")
    yield html.escape(value).encode("utf-8", "surrogateescape")
    yield repr(value)[1:-1].encode("utf-8", "surrogateescape")
    for encoding in ("utf-16-le", "utf-16-be"):
        yield value.encode(encoding, "surrogatepass")


def _base64_forms(value: str) -> Iterator[bytes]:
    raw = value.encode("utf-8", "surrogateescape")
    for shift in range(3):  # the same bytes at each of the three places in a base64 quantum
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(b"\0" * shift + raw)
            inner = encoded[(0, 2, 3)[shift] : len(encoded) - (0, 4, 4)[-(len(raw) + shift) % 3]]
            if len(inner) >= SHORTEST_VALUE:
                yield inner


def _broken(form: bytes) -> bytes:
    """A pattern for a form that may be broken into lines at any place."""
    return rb"(?:\r?\n)?".join(re.escape(form[at : at + 1]) for at in range(len(form)))


def mask_bytes(data: bytes) -> bytes:
    """The bytes with every secret replaced by a note of its kind; the same object when there is none."""
    if any(escape in data for escape in _ESCAPE):  # colours inside a token hide it
        plain = _ESCAPES.sub(b"", data)
        if _mask(plain) is not plain:
            data = plain
    return _mask(data)


def _mask(data: bytes) -> bytes:
    pattern = _values.pattern
    if pattern is not None and pattern.search(data):
        data = pattern.sub(b"[secret left out]", data)
    for note, needle, shape in _COMPILED:
        if needle in data and shape.search(data):
            data = shape.sub(note, data)
    return data


def mask(text: str) -> str:
    """`mask_bytes` for text."""
    data = text.encode("utf-8", "surrogatepass")
    masked = mask_bytes(data)
    return text if masked is data else masked.decode("utf-8", "surrogatepass")


@dataclass(slots=True)
class Stream:
    """Masks a stream as it passes: no secret slips through between two pieces.

    Whole lines pass at once; an unfinished line, and a key block that is not closed, are held back until what
    follows is known, up to `LONGEST` bytes.
    """

    write: Callable[[bytes], None]
    _held: bytes = b""

    def add(self, piece: bytes) -> None:
        """Take the next piece; `write` is called with what is safe to show."""
        data = self._held + piece
        cut = _safe_cut(data)
        self._held = data[cut:]
        if cut:
            self.write(mask_bytes(data[:cut]))

    def close(self) -> None:
        """The end of the stream: what was held back is written."""
        if self._held:
            self.write(mask_bytes(self._held))
            self._held = b""


_ENCODED = re.compile(rb"[A-Za-z0-9+/_-]{60,}\r?\n")
"""A full line of base64: what follows may belong to it."""


def _safe_cut(data: bytes) -> int:
    """How much of the data can be masked and shown: no secret begins before that point and ends behind it."""
    bound = max(0, len(data) - LONGEST)
    cut = max(bound, 0 if _values.has_line_ends else data.rfind(b"\n") + 1)
    block = data.rfind(b"-----BEGIN ", bound, cut)
    if block >= 0 and b"-----END " not in data[block:cut]:
        cut = block
    while bound <= (start := data.rfind(b"\n", bound, max(cut - 1, bound)) + 1) < cut:
        if not _ENCODED.fullmatch(data, start, cut):
            break
        cut = start
    if cut > bound:
        return cut
    for match in _matches(data):
        if match.start() < cut < match.end():
            cut = match.start()
    return cut


def _matches(data: bytes) -> Iterator[re.Match[bytes]]:
    if _values.pattern is not None:
        yield from _values.pattern.finditer(data)
    for _, needle, shape in _COMPILED:
        if needle in data:
            yield from shape.finditer(data)


know_environment()
