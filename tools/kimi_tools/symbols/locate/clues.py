"""What an issue's text points at: places, modules, names and words, read out without any model."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from kimi_tools.store.terms import terms_of

TEXT_CHARS = 40_000
"""Of an issue; what stands behind is rarely about the place."""

MOST_TERMS = 120
MOST_NAMES = 80

_PATH = r"[\w./\\~@+-]{1,250}\.(?!com\b|org\b|net\b|io\b|html\b)[A-Za-z]\w{0,5}"
_FRAMES = (
    re.compile(rf'File "?(?P<path>{_PATH})"?, line (?P<line>\d{{1,7}})(?:, in (?P<function>\w+))?'),
    re.compile(rf"File (?P<path>{_PATH}):(?P<line>\d{{1,7}}), in (?P<function>\w+)"),
    re.compile(
        rf"^(?P<path>{_PATH}) in (?P<function>\w+)\(.*\)\n(?:.*\n){{0,8}}?-+> ?(?P<line>\d{{1,7}}) ", re.M
    ),
    re.compile(
        rf"^\s*at (?:new |async )?(?P<function>[\w$.<>]+)? ?\(?(?:file://)?(?P<path>{_PATH}):(?P<line>\d{{1,7}})",
        re.M,
    ),
    re.compile(
        r"^\s*at (?P<java>[\w$.]+)\.(?P<function>[\w$<>]+)\((?P<path>\w+\.\w+):(?P<line>\d{1,7})\)", re.M
    ),
    re.compile(rf"^\s*at (?P<function>[\w.<>`]+)\(.*\) in (?P<path>{_PATH}):line (?P<line>\d{{1,7}})", re.M),
    re.compile(rf"(?P<path>{_PATH}):(?P<line>\d{{1,7}}):in [`'](?P<function>[^'\n]{{1,80}})'"),
    re.compile(rf"(?P<path>{_PATH})[:(](?P<line>\d{{1,7}})(?=\D|$)"),
)
_NAMED_PATH = re.compile(r"(?<![\w:/.-])((?:[\w.-]+/)+[\w.-]+|[\w-]+\.[A-Za-z]\w{0,3})(?![\w/])")
_INSTALLED = re.compile(r"^.*?(?:site|dist)-packages/")
"""Where a package lies once it is installed; what follows is its path below `src/`, `lib/` or the root."""

_LINK = re.compile(r"https?://\S+")
_BLOB_LINK = re.compile(r"https?://\S+?/(?:blob|tree|raw)/[^/\s]+/([^\s#?)\]>]+)(?:#L(\d+))?")
_DOTTED = re.compile(r"(?<![\w./@-])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_IMPORT = re.compile(r"^[ \t>.]*(?:from\s+([\w.]+)\s+)?import\s+\(?([\w., *]+)", re.M)
_NAME = re.compile(r"(?<![\w])[A-Za-z_]\w{2,80}")
_FENCE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)", re.S)
_TICKED = re.compile(r"`{1,2}([^`\n]{1,200})`{1,2}")
_QUOTED = re.compile(r"\"([^\"\n]{6,200})\"|'([^'\n]{6,200})'|‘([^’\n]{6,200})’|“([^”\n]{6,200})”")
_ERROR = re.compile(
    r"^\s*(?:E\s+)?[\w.]*(?:Error|Exception|Warning|Fault|panic(?:ked)?|fatal)\b[^:\n]*:\s*(.{6,300})$", re.M
)
_TRACE = re.compile(
    r"Traceback \(most recent call last\).*?(?=\n\S*(?:Error|Exception|Warning)\b|\n\n\n|\Z)", re.S
)
_INNERMOST_FIRST = re.compile(r"^\s*at \S.*:(?:line )?\d|:\d+:in [`']", re.M)
"""Stack traces of JavaScript, Java, C#, Rust and Ruby; Python's ends with the innermost frame."""

_FRAME_LINE = re.compile(r"^[^\S\n]*at [^\n]{1,300}:(?:line )?\d+(?::\d+)?\)?[^\S\n]*$", re.M)
_WORD = re.compile(r"[^\W\d]\w+")
_BREAK = re.compile(r"[.!?:;]\s|[()]")
_BOILERPLATE = re.compile(r"<!--.*?-->|^[^\S\n]*[-*] \[[ xX]\] [^\n]*$", re.S | re.M)
"""What the forms of bug trackers ask, not what the reporter says."""

_BLANKS = re.compile(r"([^\S\n]{20})[^\S\n]+")
_EMPTY_LINES = re.compile(r"((?:\n[^\S\n]*){3})(?:\n[^\S\n]*)+(?=\n)")
"""Long runs of blanks and of empty lines, in which every pattern that begins with blanks would look again and again."""

_VERSION = re.compile(
    r"^[^\S\n]*[-*#]*[^\S\n]*[\w .()/-]{1,40}(?::|==|=)[^\S\n]*"
    r"(?:v?\d+(?:\.\w+)+\S*|None|True|False|little|64)[^\S\n]*$",
    re.M,
)
"""A line of a version report, which names libraries and no place."""

_ZONES = {"title": 2.0, "prose": 1.0, "ticked": 1.5, "code": 0.7, "trace": 0.3, "error": 1.0}
"""Where in an issue a word stands, and what it counts there."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file that the text names, and where it does, the line and function (0 and '': not said).

    `depth`: for frames of a stack trace, how many more frames follow (0: the innermost); -1 for no frame.
    """

    path: str
    line: int
    function: str
    depth: int


@dataclass(frozen=True, slots=True)
class Clues:
    """All that was read out of a text.

    `modules`: dotted names; `said`: those outside of code; `imports`: (module, name) of its example code.
    `names`: identifiers, by zone how often (the last of a dotted name counts as code). `terms`: the words and
    parts of words, likewise. `pairs`: terms that stand side by side in the title, and how often. `phrases`: error
    messages and quoted texts.
    """

    places: tuple[Place, ...]
    modules: tuple[str, ...]
    said: tuple[str, ...]
    imports: tuple[tuple[str, str], ...]
    names: dict[str, dict[str, int]]
    terms: dict[str, dict[str, int]]
    pairs: dict[tuple[str, str], int]
    phrases: tuple[str, ...]
    about_tests: bool

    def weight(self, term: str, zones: Sequence[str] = ()) -> float:
        """How much the text, or only some zones of it, asks for a term: by where and how often it stands there."""
        asked = sum(
            _ZONES[zone] * (1 + math.log(count))
            for zone, count in self.terms[term].items()
            if not zones or zone in zones
        )
        return asked**0.7


def clues_of(text: str) -> Clues:
    """Read a text."""
    text = _EMPTY_LINES.sub(r"\1", _BLANKS.sub(r"\1", text[:TEXT_CHARS].replace("\r", "")))
    text = _BOILERPLATE.sub("", text)
    text = _VERSION.sub("", text)
    names: dict[str, dict[str, int]] = {}
    terms: dict[str, dict[str, int]] = {}
    said: list[str] = []
    for zone, piece in _zones(text):
        plain = _LINK.sub(" ", piece)
        if zone in ("title", "prose"):
            said += (dotted := _DOTTED.findall(plain))
            for name in dotted:
                _count(names, name.rpartition(".")[2], "ticked")
        for name in _NAME.findall(plain):
            _count(names, name, zone)
        for word in _WORD.findall(plain):
            for term in terms_of(word):
                _count(terms, term, zone)
    title = text.strip().partition("\n")[0]
    return Clues(
        tuple(_places(text)),
        tuple(dict.fromkeys(_DOTTED.findall(_LINK.sub(" ", text)))),
        tuple(dict.fromkeys(said)),
        tuple(dict.fromkeys(_imports(text))),
        names,
        terms,
        _pairs(_LINK.sub(" ", title)),
        tuple(dict.fromkeys(_phrases(text))),
        re.search(r"\btests?\b", title, re.I) is not None,
    )


def _count(counts: dict[str, dict[str, int]], key: str, zone: str) -> None:
    zones = counts.setdefault(key, {})
    zones[zone] = zones.get(zone, 0) + 1


def _pairs(title: str) -> dict[tuple[str, str], int]:
    pairs: Counter[tuple[str, str]] = Counter()
    for piece in _BREAK.split(title):
        terms = [found[-1] for word in _WORD.findall(piece) if (found := terms_of(word))]
        pairs.update((one, next_) for one, next_ in pairwise(terms) if one != next_)
    return pairs


def _zones(text: str) -> Iterator[tuple[str, str]]:
    title, _, rest = text.strip().partition("\n")
    yield "title", title
    for trace in _TRACE.findall(rest):
        yield "trace", trace
    rest = _TRACE.sub("\n", rest)
    for frame in _FRAME_LINE.findall(rest):
        yield "trace", frame
    rest = _FRAME_LINE.sub("", rest)
    for message in _ERROR.findall(text):
        yield "error", message
    for block in _FENCE.findall(rest):
        yield "code", block
    prose: list[str] = []
    for line in _FENCE.sub("\n", rest).split("\n"):
        if re.match(r"\s*(>>>|\.\.\.|In \[\d+\]|\$ )|\t| {4}", line):
            yield "code", line
        else:
            prose.append(line)
    rest = "\n".join(prose)
    for ticked in _TICKED.findall(text):
        yield "ticked", ticked
    yield "prose", rest


def _places(text: str) -> Iterator[Place]:
    frames: dict[tuple[str, int], str] = {}
    spans: list[tuple[int, str, int]] = []
    traced: set[tuple[str, int]] = set()
    for number, pattern in enumerate(_FRAMES):
        for match in pattern.finditer(text):
            path = match["path"].replace("\\", "/")
            groups = match.groupdict()
            if groups.get("java"):
                path = f"{groups['java'].rpartition('.')[0].replace('.', '/')}/{path}".lstrip("/")
            key = (path, int(match["line"]))
            if not any(key[1] == line and known.endswith(f"/{path}") for known, line in frames):
                spans.append((match.start(), *key))
            frames.setdefault(key, (groups.get("function") or "").rpartition(".")[2])
            if number < len(_FRAMES) - 1:
                traced.add(key)
    ordered = list(dict.fromkeys((path, line) for _, path, line in sorted(spans)))
    inner = [key for key in reversed(ordered) if key in traced]
    if _INNERMOST_FIRST.search(text):
        inner.reverse()
    for key in ordered:
        depth = inner.index(key) if key in traced else -1
        yield Place(*key, frames[key], depth)
    for match in _BLOB_LINK.finditer(text):
        yield Place(match[1], int(match[2] or 0), "", -1)
    known = {path for path, _ in ordered}
    for path in dict.fromkeys(_NAMED_PATH.findall(_LINK.sub(" ", text))):
        if not any(other.endswith(path.lstrip("./")) for other in known):
            yield Place(path, 0, "", -1)


def _imports(text: str) -> Iterator[tuple[str, str]]:
    for module, names in _IMPORT.findall(text):
        for name in re.split(r"[,\s]+", names.partition(" as ")[0] if not module else names):
            if re.fullmatch(r"[\w.]+", name) and name != "as":
                yield module, name


def _phrases(text: str) -> Iterator[str]:
    yield from (message.strip() for message in _ERROR.findall(text))
    for match in _QUOTED.finditer(text):
        phrase = (match[1] or match[2] or match[3] or match[4]).strip()
        if " " in phrase:
            yield phrase


def is_code_name(name: str, zones: Iterable[str]) -> bool:
    """Whether a word is surely an identifier: its letters say so, or it stands in code."""
    return (
        "_" in name.strip("_")
        or name[1:] != name[1:].lower()
        or not {"ticked", "code", "trace"}.isdisjoint(zones)
    )


def matching(files: Iterable[str], named: str) -> list[str]:
    """The files that a path in the text may mean: it may be longer (another machine's) or shorter."""
    short = _INSTALLED.sub("", re.sub(r"^[A-Za-z]:", "", named)).lstrip("~./")
    last = short.rpartition("/")[2]
    return [
        path
        for path in files
        if path.endswith(last) and (f"/{path}".endswith(f"/{short}") or f"/{short}".endswith(f"/{path}"))
    ]
