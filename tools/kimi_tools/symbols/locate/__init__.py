"""From the words of an issue to the places in the code, without any model."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import anyio.to_thread

from kimi_tools.errors import BadArguments
from kimi_tools.index import Index, index_of
from kimi_tools.index.names import is_test, words
from kimi_tools.symbols.page import page, shown
from kimi_tools.syntax import Definition
from kimi_tools.tool import Data, Param, Params, Result, tool
from kimi_tools.workspace import Workspace

_TEXT_CHARS = 40_000
_IDENTIFIER = re.compile(r"\b[A-Za-z_][A-Za-z0-9_]{2,80}\b")
_FILE_LINE = re.compile(
    r"(?<![\w./-])(?:([\w./-]{1,200}\.\w{1,4})(?:\"?, line |:)(\d{1,7})\b"
    r"|([\w./-]{1,200}/[\w.-]{1,100}\.\w{1,4})\b)"
)
_STOP = frozenset(
    re.findall(
        r"\w+",
        """the and for that this with from are was not but have has had you your can could should would will when
        what which where there here then than they them its into use used using does doesn how why get set new
        old one two also only just like more most some any all other been being see following true false none
        null self cls def class return import else elif try except print str int file line""",
    )
)
_MOST_TERMS = 60


class LocateParams(Params):
    text: str = Param("The issue, error or question")
    limit: int = Param("Places at most", default=10, ge=1, le=50)


class Place(Data):
    """One file, the definitions in it that fit best (as `first-last qualified`), and the reasons."""

    path: str
    score: float
    definitions: tuple[str, ...]
    reasons: tuple[str, ...]


class Places(Data):
    """The places, the likeliest first."""

    complete: bool
    places: tuple[Place, ...]


@dataclass(slots=True)
class _Score:
    value: float = 0.0
    reasons: dict[str, float] = field(default_factory=lambda: dict[str, float]())
    lines: list[int] = field(default_factory=lambda: list[int]())

    def add(self, value: float, reason: str) -> None:
        self.value += value
        self.reasons[reason] = self.reasons.get(reason, 0.0) + value


@tool(
    "Locate the place",
    "Rank the files and functions that an issue, error or question is about, with the reasons. Give its whole "
    "text, stack traces included.",
    toolset="search",
    effect="reads",
)
async def locate(workspace: Workspace, params: LocateParams) -> Result:
    text = params.text[:_TEXT_CHARS].encode("utf-8", "replace").decode()
    if not _IDENTIFIER.search(text):
        raise BadArguments("'text' holds no words; give the issue's text or an error message.")
    index = index_of(workspace)
    await index.complete(8)
    return await anyio.to_thread.run_sync(_locate, workspace, index, text, params.limit)


def _locate(workspace: Workspace, index: Index, text: str, limit: int) -> Result:
    scores = score(index, text)
    best = sorted(scores, key=lambda path: (-scores[path].value, path))[:limit]
    places: list[Place] = []
    items: list[str] = []
    for number, path in enumerate(best, 1):
        chosen = _functions(index, path, text, scores[path].lines)
        reasons = sorted(scores[path].reasons, key=lambda reason: (-scores[path].reasons[reason], reason))[:4]
        places.append(
            Place(
                path=path,
                score=round(scores[path].value, 3),
                definitions=tuple(f"{item.first_line}-{item.last_line} {item.qualified}" for item in chosen),
                reasons=tuple(reasons),
            )
        )
        functions = [
            f"     {item.first_line}-{item.last_line} {item.kind} {item.qualified}" for item in chosen
        ]
        items.append(
            "\n".join([shown(f"{number:>2}. {path}  [{'; '.join(reasons)}]"), *map(shown, functions)])
        )
    coverage = index.coverage
    head = f"{len(places)} likely places, the likeliest first" if places else "No file fits these words."
    return Result(
        page(workspace, head, items, 0, len(items), [coverage.note()]),
        Places(complete=coverage.complete, places=tuple(places)),
    )


def score(index: Index, text: str) -> dict[str, _Score]:
    """How well each file fits the text, and why."""
    scores: dict[str, _Score] = {}
    files = index.files()
    _named_files(files, text, scores)
    counts: dict[str, int] = {}
    for name in _IDENTIFIER.findall(text):
        if name.lower() not in _STOP:
            counts[name] = counts.get(name, 0) + 1
    coded = set(re.findall(r"[A-Za-z_]\w+", " ".join(re.findall(r"`([^`]+)`", text))))
    for name, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_TERMS]:
        _named_symbol(index, name, count, name in coded, len(files), scores)
    _path_words(files, counts, scores)
    for path, found in scores.items():
        if is_test(path):
            found.value *= 0.3
    return scores


def _named_files(files: Iterable[str], text: str, scores: dict[str, _Score]) -> None:
    named = [(match[1] or match[3], int(match[2] or 0)) for match in _FILE_LINE.finditer(text)]
    if not named:
        return
    for path in files:
        for name, line in named:
            short = name.removeprefix("./").lstrip("/")
            if path == short or path.endswith(f"/{short}") or f"/{short}".endswith(f"/{path}"):
                found = scores.setdefault(path, _Score())
                found.add(8.0, f"names {name}{f':{line}' if line else ''}")
                if line:
                    found.lines.append(line)


def _named_symbol(
    index: Index, name: str, count: int, coded: bool, total: int, scores: dict[str, _Score]
) -> None:
    symbols = index.symbols(name)
    mentions = index.mentions(name)
    using = {mention.path for mention in mentions}
    if not using:
        return
    rare = math.log(1 + total / len(using))
    emphasis = (1.5 if coded or "_" in name or name[1:] != name[1:].lower() else 0.6) * math.log2(1 + count)
    defining = {symbol.path for symbol in symbols}
    for path in defining:
        scores.setdefault(path, _Score()).add(
            1.2 * emphasis * rare / math.sqrt(len(defining)), f"defines {name}"
        )
    if len(using) <= total / 4:
        for path in using - defining:
            scores.setdefault(path, _Score()).add(0.25 * emphasis * rare, f"uses {name}")


def _path_words(files: Iterable[str], counts: dict[str, int], scores: dict[str, _Score]) -> None:
    wanted = {word for name in counts for word in words(name) if len(word) > 2 and word not in _STOP}
    by_word: dict[str, list[str]] = {}
    for path in files:
        for word in set(words(path)):
            if word in wanted:
                by_word.setdefault(word, []).append(path)
    total = sum(1 for _ in files)
    for word, paths in by_word.items():
        for path in paths:
            scores.setdefault(path, _Score()).add(0.3 * math.log(1 + total / len(paths)), f"path says {word}")


def _functions(index: Index, path: str, text: str, lines: list[int]) -> list[Definition]:
    """The definitions of a file that fit best: around the lines that the text names, or sharing its words."""
    wanted = {word for name in _IDENTIFIER.findall(text) for word in words(name) if word not in _STOP}
    names = set(_IDENTIFIER.findall(text))
    scored: list[tuple[float, int, Definition]] = []
    for item in index.outline(path) or []:
        value = 3.0 * sum(item.first_line <= line <= item.last_line for line in lines)
        value += 2.0 * (item.name in names)
        own = set(words(item.name)) | {word.lower() for word in _IDENTIFIER.findall(item.doc)}
        value += len(own & wanted) / (1 + len(own)) if own else 0.0
        if item.kind in ("class", "variable", "field"):
            value *= 0.7
        if value > 0.3:
            scored.append((-value, item.first_line, item))
    return [item for _, _, item in sorted(scored, key=lambda entry: entry[:2])[:3]]
