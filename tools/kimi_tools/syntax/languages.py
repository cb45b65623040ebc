"""The languages that can be parsed, and how a file's language is told from its name and first line."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """One language.

    `name`: as the tools write it, and the stem of its query in `queries/`. `module` and `function`: where the
    grammar's wheel keeps it. `suffixes` (with the dot), `files` (whole names) and `programs` (of a `#!` line)
    tell its files. `checked`: the grammar is good enough to report
    syntax errors by. `indexed`: code, whose definitions are worth finding by name across a whole repository.
    """

    name: str
    suffixes: tuple[str, ...]
    module: str = ""
    function: str = "language"
    files: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    query: str = ""
    checked: bool = True
    indexed: bool = True

    @property
    def wheel(self) -> str:
        """The import name of the grammar's wheel."""
        return self.module or f"tree_sitter_{self.name}"


LANGUAGES: tuple[Language, ...] = (
    Language(
        "python", (".py", ".pyi", ".pyw"), files=("SConstruct", "SConscript", "wscript"), programs=("python",)
    ),
    Language(
        "javascript", (".js", ".jsx", ".mjs", ".cjs"), files=("Jakefile",), programs=("node", "deno", "bun")
    ),
    Language(
        "typescript", (".ts", ".mts", ".cts"), function="language_typescript", programs=("ts-node", "tsx")
    ),
    Language("tsx", (".tsx",), "tree_sitter_typescript", "language_tsx", query="typescript"),
    Language("go", (".go",)),
    Language("rust", (".rs",)),
    Language("java", (".java",)),
    Language("c", (".c",)),
    Language(
        "cpp",
        (
            ".cc",
            ".cpp",
            ".cxx",
            ".c++",
            ".h",
            ".hh",
            ".hpp",
            ".hxx",
            ".h++",
            ".inl",
            ".ipp",
            ".tpp",
            ".cu",
            ".cuh",
        ),
    ),
    Language("csharp", (".cs", ".csx"), "tree_sitter_c_sharp"),
    Language(
        "ruby",
        (".rb", ".rake", ".gemspec", ".ru"),
        files=("Rakefile", "Gemfile", "Guardfile", "Podfile", "Vagrantfile"),
        programs=("ruby",),
    ),
    Language("php", (".php", ".phtml", ".inc"), function="language_php", programs=("php",)),
    Language("kotlin", (".kt", ".kts")),
    Language("swift", (".swift",), programs=("swift",)),
    Language("scala", (".scala", ".sc", ".sbt"), programs=("scala",)),
    Language("lua", (".lua",), programs=("lua", "luajit")),
    Language(
        "bash",
        (".sh", ".bash", ".zsh", ".bats"),
        files=(".bashrc", ".bash_profile", ".profile", ".zshrc", "PKGBUILD"),
        programs=("bash", "sh", "zsh", "dash", "ksh"),
    ),
    Language(
        "json",
        (".json", ".jsonc", ".webmanifest", ".geojson"),
        files=(".babelrc", ".eslintrc"),
        indexed=False,
    ),
    Language("yaml", (".yaml", ".yml"), files=(".clang-format",), indexed=False),
    Language("html", (".html", ".htm", ".xhtml"), indexed=False),
    Language("css", (".css",), indexed=False),
    Language("toml", (".toml",), files=("Pipfile", "uv.lock", "poetry.lock", "Cargo.lock"), indexed=False),
    Language("markdown", (".md", ".markdown", ".mdx"), indexed=False),
    Language("elixir", (".ex", ".exs"), programs=("elixir",)),
    Language("haskell", (".hs",), programs=("runhaskell",)),
    Language("ocaml", (".ml",), function="language_ocaml", programs=("ocaml",)),
    Language("ocaml_interface", (".mli",), "tree_sitter_ocaml", "language_ocaml_interface"),
    Language("zig", (".zig",)),
    Language("julia", (".jl",), programs=("julia",)),
    Language("sql", (".sql", ".ddl"), checked=False),
    Language("objc", (".m", ".mm")),
    Language(
        "groovy", (".groovy", ".gradle", ".gvy"), files=("Jenkinsfile",), programs=("groovy",), checked=False
    ),
    Language("dart", (".dart",), programs=("dart",)),
    Language("perl", (".pl", ".pm", ".t"), programs=("perl",)),
    Language("hcl", (".tf", ".hcl", ".tfvars")),
    Language("make", (".mk",), files=("Makefile", "makefile", "GNUmakefile")),
)
"""Every language, in a fixed order. `.h` is read as C++, whose grammar also reads C."""

_BY_SUFFIX = {suffix: language for language in LANGUAGES for suffix in language.suffixes}
_BY_FILE = {file: language for language in LANGUAGES for file in language.files}
_BY_PROGRAM = {program: language for language in LANGUAGES for program in language.programs}
_SHEBANG = re.compile(
    rb"#![ \t]*(?:\S*/)?(?:env[ \t]+(?:-S[ \t]+)?(?:\w+=\S*[ \t]+)*)?(?:\S*/)?([A-Za-z_-]+)"
)


def language_of(path: str, data: bytes = b"") -> Language | None:
    """The language of a file by its name, else by the `#!` line of its bytes; None when neither tells."""
    name = path.rpartition("/")[2]
    if found := _BY_FILE.get(name):
        return found
    stem, dot, suffix = name.rpartition(".")
    if dot and stem:
        return _BY_SUFFIX.get(f".{suffix}") or _BY_SUFFIX.get(f".{suffix.lower()}")
    if data.startswith(b"#!") and (match := _SHEBANG.match(data[:200])):
        return _BY_PROGRAM.get(match[1].decode())
    return None
