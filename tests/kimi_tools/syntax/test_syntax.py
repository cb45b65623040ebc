"""What source text says of itself, in every language that is declared."""

import pytest

from kimi_tools.syntax import LANGUAGES, definitions, errors, language_of, references
from tests.kimi_tools.syntax.samples import SAMPLES


@pytest.mark.parametrize("file", SAMPLES)
def test_a_sample_shows_its_definitions_and_no_errors(file: str) -> None:
    source, expected = SAMPLES[file]
    found = definitions(file, source.encode())
    lines = [f"{item.first_line}-{item.last_line} {item.kind} {item.qualified}" for item in found]
    assert lines == expected.splitlines()
    assert errors(file, source.encode()) == []


def test_every_language_has_a_sample() -> None:
    sampled = {language.name for file in SAMPLES if (language := language_of(file))}
    assert sampled == {language.name for language in LANGUAGES}


def test_a_definition_has_its_signature_doc_and_decorators() -> None:
    source = "@cache\ndef add(a: int,\n  b: int) -> int:\n    '''Add two.\n\n    More.\n    '''\n    return 1"
    (found,) = definitions("a.py", source.encode())
    assert found.signature == "def add(a: int, b: int) -> int"
    assert found.doc == "Add two."
    assert (found.first_line, found.line, found.last_line) == (1, 2, 8)


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("a.js", "/**\n * Adds two.\n * @returns {number}\n */\nfunction add(a, b) {}\n"),
        ("a.go", "package a\n\n// Adds two.\n// More.\nfunc add() {}\n"),
        ("a.rs", "/// Adds two.\n#[inline]\nfn add() {}\n"),
        ("a.cs", "class A {\n  /// <summary>\n  /// Adds two.\n  /// </summary>\n  void add() {}\n}\n"),
        ("a.sh", "#!/bin/sh\n# Adds two.\nadd() { :; }\n"),
    ],
)
def test_a_comment_before_a_definition_is_its_doc(file: str, source: str) -> None:
    assert definitions(file, source.encode())[-1].doc == "Adds two."


@pytest.mark.parametrize(
    ("path", "first", "language"),
    [
        ("a/b.PY", b"", "python"),
        ("Makefile", b"", "make"),
        ("bin/run", b"#!/usr/bin/env -S python3 -u\n", "python"),
        ("bin/run", b"#!/bin/sh\n", "bash"),
        (".bashrc", b"", "bash"),
    ],
)
def test_the_language_is_told_by_name_or_first_line(path: str, first: bytes, language: str) -> None:
    found = language_of(path, first)
    assert found is not None
    assert found.name == language


def test_an_unknown_language_has_no_definitions_and_no_errors() -> None:
    assert language_of("a.xyz") is None
    assert definitions("a.xyz", b"def f(): pass") == []
    assert errors("a.xyz", b"((") == []


@pytest.mark.parametrize(
    ("file", "source", "line"),
    [
        ("a.py", "x = 1\ndef f(:\n    pass\n", 2),
        ("a.py", "def f():\n    return (1\n\nx = 2\n", 2),
        ("a.js", "const a = 1;\nfunction f( {\n}\n", 2),
        ("a.go", "package a\n\nfunc f() {\n\treturn )\n}\n", 4),
        ("a.json", '{"a": 1,\n "b": }\n', 2),
        ("A.java", "class A {\n  void f() { int x = ; }\n}\n", 2),
        ("a.ts", "interface A {\n  x: ;\n}\n", 2),
        ("a.rs", "fn main() {\n    let x = ;\n}\n", 2),
    ],
)
def test_a_syntax_error_is_reported_with_its_line(file: str, source: str, line: int) -> None:
    found = errors(file, source.encode())
    assert [problem.line for problem in found][:1] == [line], found
    assert found[0].message


def test_references_tell_definitions_imports_calls_and_other_uses_apart() -> None:
    source = (
        "from m import helper\n\n\nclass A(helper.Base):\n    @helper\n    def f(self):\n"
        "        # helper in a comment\n        x = 'helper'\n        return helper(x), f'{helper}'\n\n\n"
        "def helper(): pass\n"
    )
    found = references("a.py", source.encode(), "helper")
    assert [(item.use, item.line, item.within) for item in found] == [
        ("import", 1, ""),
        ("use", 4, "A"),
        ("call", 5, "A.f"),
        ("call", 9, "A.f"),
        ("use", 9, "A.f"),
        ("definition", 12, ""),
    ]
    assert [item.use for item in references("a.py", source.encode(), "Base")] == ["inherit"]


HOSTILE = {
    "binary": bytes(range(256)) * 2000,
    "noise": bytes((i * 7919 + i // 3) % 255 + 1 for i in range(50_000)),
    "brackets": b"(" * 200_000,
    "braces": b"{" * 200_000,
    "nested": b"[" * 50_000 + b"]" * 50_000,
    "quotes": b"\"'`" * 10_000,
    "one line": b"a=b?c:d;" * 20_000,
    "huge": b"x = 1\n" * 1_000_000,
    "deep": b"".join(b" " * depth + b"class A:\n" for depth in range(500)),
    "not text": b"\xff\xfe" * 1000,
}


@pytest.mark.parametrize("case", HOSTILE)
@pytest.mark.parametrize("file", ["a.py", "a.js", "a.cpp", "a.md"])
def test_hostile_bytes_end_soon_and_break_nothing(file: str, case: str) -> None:
    definitions(file, HOSTILE[case])
    errors(file, HOSTILE[case])
    references(file, HOSTILE[case], "a")


def test_a_parse_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    source = b"x = [" + b"1,\n" * 30_000 + b"]\ndef f(): pass\n"
    assert [item.name for item in definitions("a.py", source)] == ["x", "f"]
    with monkeypatch.context() as patch:
        patch.setattr("kimi_tools.syntax.grammar.SECONDS_LIMIT", 0.0)
        assert definitions("a.py", source) == []
    assert definitions("a.py", b"def f(): pass")[0].name == "f"
