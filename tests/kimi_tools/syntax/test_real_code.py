"""What was missed or named wrongly on real repositories, judged beside universal-ctags: one small case each."""

import pytest

from kimi_tools.syntax import definitions, errors, language_of, references
from kimi_tools.syntax.extract import extract
from kimi_tools.syntax.packed import unpack

CASES: dict[str, tuple[str, str, list[str]]] = {
    "C: fields that are pointers, arrays and functions (jq)": (
        "a.c",
        "struct s { int *a; char b[3]; void (*c)(int); struct s **d; };\n",
        ["struct s", "field s.a", "field s.b", "field s.c", "field s.d"],
    ),
    "C: variables and types that are pointers, arrays and functions (jq)": (
        "a.c",
        'int *a;\nstatic const int b[2] = {1, 2};\nchar *c = "";\ntypedef char *d;\ntypedef int (*e)(int);\n',
        ["variable a", "variable b", "variable c", "type d", "type e"],
    ),
    "C++: names without template arguments (fmt, spdlog)": (
        "a.cpp",
        "template <> struct formatter<std::vector<int>> {};\ntemplate <class M> void Sink<M>::log(int a) {}\n"
        "bool A<B>::operator<(A b) { return true; }\n",
        ["struct formatter", "method Sink.log", "method A.operator<"],
    ),
    "C++: a macro before a class's name (spdlog)": (
        "a.hpp",
        "class API Foo {\npublic:\n  void go() { run(); }\n};\nclass API Bar : public Foo { int x; };\n"
        "class API Sub final : public Foo, public std::enable<Sub> { int y; };\n",
        ["class Foo", "method Foo.go", "class Bar", "field Bar.x", "class Sub", "field Sub.y"],
    ),
    "C++: a macro before a function's type (spdlog)": (
        "a.hpp",
        "INLINE void Sink<M>::flush() { run(); }\nINLINE std::string name() { return x; }\n",
        ["method Sink.flush", "function name"],
    ),
    "C++: constants in a namespace": (
        "a.cpp",
        "namespace n { const int limit = 3; }\n",
        ["namespace n", "variable n.limit"],
    ),
    "C#: no function is named if (Newtonsoft.Json)": (
        "a.cs",
        "class A {\n  void F() {\n#if X\n    if (a) { }\n    else\n#endif\n    if (b) { G(); }\n  }\n}\n",
        ["class A", "method A.F"],
    ),
    "Java: elements of an annotation (Gson)": (
        "A.java",
        "public @interface A {\n  double value();\n  boolean nullSafe() default true;\n}\n",
        ["interface A", "method A.value", "method A.nullSafe"],
    ),
    "Ruby: accessors, aliases, and a class from the top (Active Record)": (
        "a.rb",
        "class A\n  attr_reader :b, :c\n  cattr_accessor :d\n  alias :e :b\n  alias_method :f, :b\n"
        "  define_method(:g) { 1 }\nend\nclass ::X::Y\nend\n",
        [
            "class A",
            "property A.b",
            "property A.c",
            "property A.d",
            "method A.e",
            "method A.f",
            "method A.g",
            "class X.Y",
        ],
    ),
    "Rust: the types that a trait leaves open (tokio)": (
        "a.rs",
        "pub trait Link {\n    type Handle;\n    fn go(&self);\n}\n",
        ["trait Link", "type Link.Handle", "method Link.go"],
    ),
    "TypeScript: members of an enum, and what is declared (RxJS, zod, Angular)": (
        "a.d.ts",
        'export declare enum Kind { NEXT = "N", ERROR }\nexport declare const a: number;\ndeclare const b = 1;\n',
        ["enum Kind", "constant Kind.NEXT", "constant Kind.ERROR", "variable a", "variable b"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_real_code_shows_its_definitions(case: str) -> None:
    path, source, expected = CASES[case]
    found = definitions(path, source.encode())
    assert [f"{item.kind} {item.qualified}" for item in found if item.kind != "macro"] == expected


def test_a_macro_that_the_grammar_is_not_shown_is_still_referred_to() -> None:
    source = b"#define API\nclass API Foo {};\n  API_X int go() { return 1; }\n"
    assert [(use.line, use.column) for use in references("a.hpp", source, "API")] == [(1, 9), (2, 7)]
    assert [(use.line, use.column) for use in references("a.hpp", source, "API_X")] == [(3, 3)]
    language = language_of("a.hpp")
    assert language is not None
    assert unpack(extract(language, source).mentions["API_X"]) == [(3, "use")]
    assert errors("a.hpp", source) == []


@pytest.mark.parametrize(
    ("path", "source", "name", "places"),
    [
        ("a.c", '#define F(x) call(x, \\\n  "call") // call\nint g() { return F(call); }\n', "call", [1, 3]),
        ("a.rb", "autoload :B\nx.map(&:b)\ny :B, 'B'\n", "B", [1, 3]),
        ("a.cs", "enum A {\n  B,\n#if X\n  C,\n#endif\n  D,\n  E\n}\n", "D", [6]),
    ],
)
def test_names_in_macros_symbols_and_what_the_grammar_cannot_read_are_uses(
    path: str, source: str, name: str, places: list[int]
) -> None:
    language = language_of(path)
    assert language is not None
    assert [use.line for use in references(path, source.encode(), name)] == places
    assert [line for line, _ in unpack(extract(language, source.encode()).mentions[name])] == places


def test_a_qualified_name_over_several_lines_stands_where_it_ends() -> None:
    (found,) = definitions("a.cpp", b"auto A<int,\n  char>::go(int x) { return x; }\n")
    assert (found.qualified, found.first_line, found.line) == ("A.go", 1, 2)
