"""Reading the command lines with which projects start their tests, without a shell."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

_SHELL = re.compile(r"[|;&<>`]|\$\(")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")

_LONGEST = 20_000
"""Characters of a command that are looked at; `shlex` takes a minute for a million."""


@dataclass(frozen=True, slots=True)
class Words:
    """One simple command: the runner that it names, its words, and the variables set before it.

    `start` is the index of the word that is the runner's program; before it stand others that start it
    (`npx`, `uv run`, `nyc`).
    """

    runner: str
    argv: tuple[str, ...]
    start: int
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


def parse(command: str) -> Words | None:
    """The part of a command line that starts a test runner; None when no runner that we know is named.

    Of `a && b` the part with the runner counts; `cross-env` is left out, its assignments are taken.
    """
    for piece in re.split(r"&&|\|\||;", command):
        if len(piece) > _LONGEST or _SHELL.search(piece):
            continue
        try:
            words = shlex.split(piece, comments=True)
        except ValueError:
            continue
        environment: dict[str, str] = {}
        while words and (_ASSIGNMENT.match(words[0]) or words[0] in ("cross-env", "env", "cross-env-shell")):
            name, equals, value = words.pop(0).partition("=")
            if equals:
                environment[name] = value
        runner, start = runner_of(words)
        if runner:
            return Words(runner, tuple(words), start, environment)
    return None


_NAMES = {
    "pytest": "pytest",
    "py.test": "pytest",
    "jest": "jest",
    "vitest": "vitest",
    "mocha": "mocha",
    "_mocha": "mocha",
    "ctest": "ctest",
    "rspec": "rspec",
    "phpunit": "phpunit",
    "runtests.py": "django",
    "manage.py": "django",
    "react-scripts": "jest",
    "jest.js": "jest",
    "vitest.mjs": "vitest",
    "mocha.js": "mocha",
}
_PAIRS = {
    ("go", "test"): "go",
    ("cargo", "test"): "cargo",
    ("node", "--test"): "node",
    ("mvn", "test"): "maven",
    ("mvnw", "test"): "maven",
    ("gradle", "test"): "gradle",
    ("gradlew", "test"): "gradle",
}


def runner_of(words: list[str]) -> tuple[str, int]:
    """The runner that a command's words name and the index of its program; ('', 0) for none."""
    names = [word.rpartition("/")[2] for word in words]
    for index, name in enumerate(names):
        if name == "unittest" and names[index - 1] == "-m":
            return "unittest", max(index - 2, 0)
        if name == "manage.py" and "test" not in names[index + 1 : index + 2]:
            continue
        if runner := _NAMES.get(name):
            module = names[index - 1 : index] == ["-m"]
            return runner, max(index - 2, 0) if module else index
        for (program, word), runner in _PAIRS.items():
            if name == program and word in names[index + 1 :]:
                return runner, index
    return "", 0
