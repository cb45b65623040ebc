"""JUnit's XML, as Surefire and CTest write it."""

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from kimi_tools.testrun.report import Status

MAX_BYTES = 64 * 1024 * 1024
OUTPUT_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class JunitCase:
    """One `testcase`. `output` is what it printed, cut to its end."""

    classname: str
    name: str
    status: Status
    seconds: float
    message: str
    trace: str
    output: str
    file: str
    line: int


def cases(data: bytes) -> Iterator[JunitCase]:
    """The cases of one report, element by element; a damaged report gives those before the damage.

    Entities that the document defines itself are refused (expat's limits guard against expansion).
    """
    if b"<!ENTITY" in data[:100_000]:
        return
    try:
        for _, element in ElementTree.iterparse(io.BytesIO(data)):  # noqa: S314
            if element.tag == "testcase":
                yield _case(element)
                element.clear()
    except ElementTree.ParseError:
        return


_KINDS: tuple[tuple[str, Status], ...] = (("failure", "failed"), ("error", "error"), ("skipped", "skipped"))


def _case(element: ElementTree.Element) -> JunitCase:
    status: Status = "passed"
    message = trace = ""
    for tag, meaning in _KINDS:
        found = element.find(tag)
        if found is not None:
            status = meaning
            trace = found.text or ""
            message = found.get("message") or _first_line(trace)
            break
    if element.get("status") in ("notrun", "disabled"):
        status = "skipped"
    output = "".join(part.text or "" for tag in ("system-out", "system-err") for part in element.findall(tag))
    return JunitCase(
        classname=element.get("classname", ""),
        name=element.get("name", ""),
        status=status,
        seconds=_seconds(element.get("time", "")),
        message=message,
        trace=trace,
        output=output[-OUTPUT_CHARS:],
        file=element.get("file", ""),
        line=int(line) if (line := element.get("line", "")).isdigit() else 0,
    )


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def _seconds(text: str) -> float:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return 0.0


PLACE = re.compile(r"([\w./\\+-]+\.\w+)[:(](\d+)\)?")
"""A file name and a line as compilers and assertion macros print them."""


def first_place(text: str, known: Callable[[str], str]) -> tuple[str, int]:
    """The first place in a text whose file is in the project: its path by `known`, and the line."""
    for match in PLACE.finditer(text):
        if path := known(match[1]):
            return path, int(match[2])
    return "", 0
