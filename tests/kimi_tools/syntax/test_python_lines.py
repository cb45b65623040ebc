"""What is read from the layout of Python's lines is what the grammar reads."""

import importlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from kimi_tools.syntax import Definition, Extract, extract, language_of, unpack
from kimi_tools.syntax.python_lines import scan

PYTHON = language_of("a.py")
assert PYTHON is not None
LIBRARY = Path(os.__file__).parent


def _no_scan(_: bytes) -> None:
    """As for a file that is not plain."""


def by_grammar(data: bytes, monkeypatch: pytest.MonkeyPatch) -> Extract:
    with monkeypatch.context() as patch:
        patch.setattr(importlib.import_module("kimi_tools.syntax.extract"), "scan", _no_scan)
        assert PYTHON is not None
        return extract(PYTHON, data)


def bare(definition: Definition) -> Definition:
    """Without the comment above it, and its end, where the grammar sees comments differently."""
    return replace(definition, doc="", last_line=0)


def uses(found: Extract) -> dict[str, list[tuple[int, str]]]:
    return {name: [(line, str(use)) for line, use in unpack(lines)] for name, lines in found.mentions.items()}


def only_comments(lines: list[bytes]) -> bool:
    return all(not line.strip() or line.strip().startswith(b"#") for line in lines)


@pytest.mark.parametrize("letter", "abcdefghijklmnopqrstuvwxyz_")
def test_the_standard_library_reads_the_same_both_ways(letter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in sorted(LIBRARY.glob(f"{letter}*.py")):
        data = path.read_bytes()
        if scan(data) is None:
            continue
        assert PYTHON is not None
        quick, whole = extract(PYTHON, data), by_grammar(data, monkeypatch)
        assert uses(quick) == uses(whole), path.name
        assert list(map(bare, quick.definitions)) == list(map(bare, whole.definitions)), path.name
        lines = data.split(b"\n")
        for first, second in zip(quick.definitions, whole.definitions, strict=True):
            low, high = sorted((first.last_line, second.last_line))
            assert only_comments(lines[low:high]), (path.name, first)
            assert first.doc == second.doc or not (first.doc and second.doc), (path.name, first)


def test_most_of_the_standard_library_needs_no_tree() -> None:
    read = [scan(path.read_bytes()) is not None for path in LIBRARY.glob("*.py")]
    assert sum(read) > 0.7 * len(read)


SNIPPETS = {
    "async, decorated, nested": b"@a.b(1)\n@c\nasync def f(x, *, y=g(1)):\n    def inner(): pass\n    return inner\n",
    "bases": b"class A(B, c.D, Generic[K, V], metaclass=M, x=1):\n    y: int\n    z = 1\n    if y:\n        w = 2\n",
    "string with code": b's = """\ndef no():\n    pass\n"""\nt = "class No: x"; \n',
    "f-string": b"v = 1\nx = f'{v!r:>{10}} {v} {{no}}'\ny = f'{v} {v:x} {{no}}'\n",
    "f-string that begins with a bracket": b"v = f'{(a + b)}' + f'x {(c)}'\nw = f (1)\n",
    "imports": b"from . import a as b, c\nfrom .d import (\n    e,\n    f as g,\n)\nimport h.i as j, k\n",
    "one line": b"class E(Exception): pass\ndef f(a={1: 2}) -> int: return a\nclass G: x = 1\n",
    "numbers": b"a = 0x1F + 1e5 + 1_000\nb = a\n",
    "going on": b"a = 1 + \\\n    b\nif a and \\\n   c:\n    def f():\n        pass\n",
    "tabs": b"def f():\n\tdef g():\n\t\tpass\n",
    "windows": b"def f():\r\n    return g()\r\n",
    "names beyond ascii": "größe = 1\ndef über(größe):\n    return größe\n".encode(),
    "bytes and raw": b'p = rb"\\d" + b"x" + r\'y\\\'\'\nq = p\n',
    "no newline at the end": b"def f(): return 1",
    "nothing": b"",
    "a string alone": b'"""Words."""\n',
    "dedented close": b"x = call(\n1,\n)\ndef f(\n    a,\n):\n    '''Doc.'''\n    return a\n",
    "unbalanced": b"x = (1\ndef f():\n    pass\n",
    "unended string": b'x = "abc\ndef f():\n    pass\n',
    "chained": b"a = b = 1\nc, d = 1, 2\ne += 1\nf == 1\ng[0] = 1\nh.i = 1\n",
    "annotated": b"a: int = 1\nb: dict[str, int]\nclass C:\n    d: 'x' = 1\n",
    "else and try": b"try: import a\nexcept E: b = 1\nelse: c = 1\nif x: import d\n",
    "global names": b"def f():\n    global x\n    x = 1\n    nonlocal_ = [i for i in y if i]\n",
    "lambda and walrus": b"f = lambda x: x + y\nif (n := g(1)): h(n)\n",
}


@pytest.mark.parametrize("name", SNIPPETS)
def test_every_snippet_reads_the_same_both_ways(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert PYTHON is not None
    quick, whole = extract(PYTHON, SNIPPETS[name]), by_grammar(SNIPPETS[name], monkeypatch)
    assert uses(quick) == uses(whole)
    assert quick.definitions == whole.definitions


@pytest.mark.parametrize(
    "data",
    [b"def f():\n\tpass\n", b'x = "a\n', b"x = (1\n", b"x = 1; y = 2\n", b"x = f'{a[\"b\"]}'\n", b"x)\n"],
)
def test_what_is_not_plain_is_left_to_the_grammar(data: bytes) -> None:
    assert scan(data) is None


HOSTILE = {
    "open": b"(" * 300_000,
    "pairs": b"[]" * 300_000,
    "quotes": b'"' * 299_999,
    "holes": b"f'{" * 100_000,
    "holes in one": b"f'" + b"{a" * 100_000 + b"'",
    "going on": b"\\\n" * 200_000,
    "colons": b"a.b:" * 100_000,
    "bases": b"class A(" + b"[" * 100_000 + b")",
    "spaces": b" " * 300_000 + b"x",
    "heads": b"def " * 100_000,
    "nested": b"(" * 100_000 + b")" * 100_000,
    "classes": b"class A(x)\n" * 50_000,
    "nested classes": b"".join(b" " * n + b"class A:\n" for n in range(1_000)),
    "backslashes": b"'" + b"\\'" * 100_000,
    "imports": b"from a import b, \\\n c\n" * 20_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_read_or_refused_in_no_more_time_than_its_length_asks(name: str) -> None:
    scan(HOSTILE[name])  # the suite's limit for one test is the judge
