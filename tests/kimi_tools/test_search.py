"""Searching text and file names, through the tools, with the real rg."""

import contextlib
import os
import time
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from kimi_tools.clip import RESULT_CHARS, weight
from kimi_tools.errors import BadArguments, NotAllowed, NotFound, PathRefused
from kimi_tools.search import find_files, search_text
from kimi_tools.search.names import FoundPaths, rank
from kimi_tools.search.text import TextHits
from kimi_tools.tool import Result
from kimi_tools.workspace import Workspace

MakeWorkspace = Callable[[dict[str, str | bytes]], Workspace]


def search(workspace: Workspace, pattern: str, **arguments: Any) -> tuple[Result, TextHits]:
    result = anyio.run(search_text, workspace, {"pattern": pattern, **arguments})
    assert isinstance(result.data, TextHits)
    return result, result.data


def find(workspace: Workspace, query: str, **arguments: Any) -> list[str]:
    result = anyio.run(find_files, workspace, {"query": query, **arguments})
    assert isinstance(result.data, FoundPaths)
    return [one.path for one in result.data.paths]


def test_matches_are_grouped_by_file_in_order_of_path(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"b.py": "x = needle\n", "a/c.py": "one\nneedle\nneedle\n", "z.py": "no\n"})
    result, data = search(workspace, "needle")
    assert result.text == "3 matches in 2 files\na/c.py (2)\n  2: needle\n  3: needle\n" + (
        "b.py (1)\n  1: x = needle"
    )
    assert (data.matches, data.files_matched, data.end) == (3, 2, 3)


def test_pages_cover_every_match_once(make_workspace: MakeWorkspace) -> None:
    files: dict[str, str | bytes] = {f"f{n:02}.txt": f"needle {n}\nneedle again {n}\n" for n in range(40)}
    workspace = make_workspace(files)
    seen: list[str] = []
    offset = 0
    while True:
        result, data = search(workspace, "needle", offset=offset, limit=7)
        seen += [line.text for hits in data.files for line in hits.lines]
        if data.end == data.matches:
            break
        assert (
            f"[shown {offset + 1}-{data.end} of 80 matches in 40 files; next: offset={data.end}]"
            in result.text
        )
        offset = data.end
    assert seen == [text for n in range(40) for text in (f"needle {n}", f"needle again {n}")]
    with pytest.raises(BadArguments, match="There are 80 matches"):
        search(workspace, "needle", offset=80)


def test_a_result_is_bounded_however_much_matches(make_workspace: MakeWorkspace) -> None:
    line = 'needle "quoted" \\ ' + "ü" * 300 + "\n"
    workspace = make_workspace({f"{n}.txt": line * 50 for n in range(30)})
    result, data = search(workspace, "needle", limit=500, context=2)
    assert weight(result.text) <= RESULT_CHARS
    assert data.matches == 1500
    assert f"next: offset={data.end}]" in result.text


def test_a_long_line_is_cut_around_its_match(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.min.js": "é" * 50_000 + "needle" + "y" * 50_000 + "\n"})
    result, data = search(workspace, "needle")
    assert "needle" in data.files[0].lines[0].text
    assert len(data.files[0].lines[0].text) < 300
    assert "[line of 100,006 characters]" in result.text


def test_context_lines_are_marked_and_gaps_shown(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.txt": "1\n2\nneedle\n4\n5\n6\n7\nneedle\n9\n"})
    result, _ = search(workspace, "needle", context=1)
    assert "  2- 2\n  3: needle\n  4- 4\n  --\n  7- 7\n  8: needle\n  9- 9" in result.text
    second, _ = search(workspace, "needle", context=1, offset=1)
    assert "  7- 7\n  8: needle\n  9- 9" in second.text
    assert "4- 4" not in second.text


def test_multiline_patterns_match_across_lines(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.py": "def a():\n    pass\n\ndef b():\n    pass\n"})
    _, data = search(workspace, r"def \w\(\):\n    pass", multiline=True)
    first = data.files[0].lines[0]
    assert (first.number, first.text) == (1, "def a():\n         pass")
    assert data.matches == 2
    result, _ = search(workspace, r"def a\(\):\n")
    assert "With multiline=true: 1 match in a.py" in result.text


def test_case_is_smart_sensitive_or_ignored(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.txt": "Needle\nneedle\n"})
    assert search(workspace, "needle")[1].matches == 2
    assert search(workspace, "Needle")[1].matches == 1
    assert search(workspace, "needle", case="sensitive")[1].matches == 1
    assert search(workspace, "NEEDLE", case="insensitive")[1].matches == 2


def test_globs_and_path_narrow_the_search(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace(
        {"a.py": "needle", "t/a.py": "needle", "t/b.txt": "needle", "u/c.py": "needle"}
    )
    paths = lambda **arguments: [hits.path for hits in search(workspace, "needle", **arguments)[1].files]  # noqa: E731
    assert paths(globs=["*.py"]) == ["a.py", "t/a.py", "u/c.py"]
    assert paths(globs=["*.py", "!t/**"]) == ["a.py", "u/c.py"]
    assert paths(path="t") == ["t/a.py", "t/b.txt"]
    assert paths(path="t/a.py") == ["t/a.py"]
    assert paths(path=str(workspace.root / "u")) == ["u/c.py"]


def test_ignored_files_are_left_out_and_pointed_at(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace(
        {".gitignore": "build/\n", "build/a.js": "needle", "a.js": "x", ".github/a.yml": "y"}
    )
    result, data = search(workspace, "needle")
    assert data.matches == 0
    assert result.text.startswith("0 matches in 3 searched files of the workspace")
    assert "With ignored=true: 1 match in build/a.js" in result.text
    assert search(workspace, "needle", ignored=True)[1].matches == 1
    assert (
        search(workspace, "repositoryformatversion", ignored=True)[1].matches == 0
    )  # .git is never searched


def test_no_match_says_which_change_of_the_call_finds_some(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.py": "value = call(x)\n"})
    assert "With literal=true: 1 match in a.py" in search(workspace, "call(x)")[0].text
    assert "With case=insensitive: 1 match in a.py" in search(workspace, "Value")[0].text
    assert "With no globs: 1 match in a.py" in search(workspace, "value", globs=["*.js"])[0].text
    assert "No file was searched" in search(workspace, "value", globs=["*.js"])[0].text


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(", "unclosed group"),
        ("foo(?=bar", "missing closing parenthesis"),
        ("*a", "repetition operator missing expression"),
        (r"\p{Nothing}", "property"),
        ("[z-a]", "range"),
        ("a\nb", "multiline=true"),
        ("", "empty"),
        ("a\0b", "NUL"),
    ],
)
def test_an_invalid_pattern_is_explained_with_the_way_out(
    make_workspace: MakeWorkspace, pattern: str, words: str
) -> None:
    workspace = make_workspace({"a.txt": "x"})
    with pytest.raises(BadArguments, match=words):
        search(workspace, pattern)


def test_an_invalid_glob_is_explained(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.txt": "x"})
    with pytest.raises(BadArguments, match="glob is not valid"):
        search(workspace, "x", globs=["[a"])
    with pytest.raises(BadArguments, match="glob is not valid"):
        find(workspace, "[a")


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", r"(a+)+\1$", "^(?=(a+)+$)", "a{1000}{1000}", "(" * 200 + "a" + ")" * 200, "a" * 10_000],
)
def test_a_catastrophic_pattern_ends_quickly(make_workspace: MakeWorkspace, pattern: str) -> None:
    workspace = make_workspace({"a.txt": "a" * 40 + "!\n"})
    started = time.monotonic()
    with contextlib.suppress(BadArguments):
        search(workspace, pattern)
    assert time.monotonic() - started < 5


def test_options_in_the_pattern_are_data(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.txt": "--pre=id\n", "b.txt": "-e\n"})
    assert search(workspace, "--pre=id")[1].matches == 1
    assert search(workspace, "-e", globs=["--pre=touch canary", "*.txt"])[1].matches == 1
    assert not (workspace.root / "canary").exists()


def test_look_around_works(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.txt": "foobar\nfoobaz\n"})
    assert search(workspace, "foo(?=bar)")[1].matches == 1


def test_binary_and_huge_files_are_skipped_and_counted(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.bin": b"needle\0needle", "b.txt": "needle\n"})
    with open(workspace.root / "huge.txt", "wb") as file:
        file.truncate(10 * 1024**3)
    result, data = search(workspace, "needle")
    assert (data.matches, data.binary_skipped, data.huge_skipped) == (1, 1, ["huge.txt"])
    assert "[not searched: 1 binary file; 1 file above 32 MB (huge.txt)]" in result.text


def test_special_files_and_symlinks_are_not_followed(make_workspace: MakeWorkspace, tmp_path: Any) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("needle")
    workspace = make_workspace({"a.txt": "needle"})
    os.mkfifo(workspace.root / "fifo")
    (workspace.root / "link").symlink_to(outside)
    (workspace.root / "file").symlink_to(outside / "secret.txt")
    assert search(workspace, "needle", ignored=True)[1].matches == 1
    for path in ("link", "file", "link/secret.txt", "../outside", "/etc"):
        with pytest.raises(PathRefused):
            search(workspace, "needle", path=path)
    with pytest.raises(NotFound):
        search(workspace, "needle", path="fifo")
    with pytest.raises(NotFound):
        search(workspace, "needle", path="absent")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_cannot_be_read_is_told(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.txt": "needle", "closed/b.txt": "needle"})
    (workspace.root / "closed").chmod(0)
    try:
        result, data = search(workspace, "needle")
    finally:
        (workspace.root / "closed").chmod(0o755)
    assert data.matches == 1
    assert data.problems == ["closed: Permission denied (os error 13)"]
    assert "1 path with an error" in result.text


def test_a_tree_deeper_than_the_longest_path_gives_a_partial_answer(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.txt": "needle\n"})
    here = os.open(workspace.root, os.O_RDONLY)
    try:
        for _ in range(1200):
            os.mkdir("deep", dir_fd=here)
            below = os.open("deep", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
    finally:
        os.close(here)
    assert search(workspace, "needle")[1].matches == 1
    assert find(workspace, "*.txt") == ["a.txt"]
    os.system(f"rm -rf '{workspace.root}/deep'")  # Python's rmtree recurses (3.11) and would fail


def test_encodings_and_control_characters_do_no_harm(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace(
        {
            "latin.txt": "needle caf\xe9\n".encode("latin-1"),
            "utf16.txt": "needle ü\n".encode("utf-16"),
            "crlf.txt": "needle\r\n",
            "escape.txt": "needle ⟨U+001B⟩]0;title⟨U+0007⟩ ⟨U+202E⟩\n",
        }
    )
    texts = {hits.path: hits.lines[0].text for hits in search(workspace, "needle")[1].files}
    assert texts == {
        "latin.txt": "needle café",
        "utf16.txt": "needle ü",
        "crlf.txt": "needle",
        "escape.txt": r"needle ⟨U+001B⟩]0;title⟨U+0007⟩ ⟨U+202E⟩",
    }


def test_a_strange_file_name_does_not_break_the_answer(make_workspace: MakeWorkspace) -> None:
    names = ["-rf", "a\nb", '"q"', " ", "x\\y"]
    workspace = make_workspace(dict.fromkeys(names, "needle"))
    with open(os.fsencode(workspace.root) + b"/\xff.txt", "w") as file:
        file.write("needle")
    _, data = search(workspace, "needle")
    assert {hits.path for hits in data.files} == {"-rf", "a⟨U+000A⟩b", '"q"', " ", "x\\y", "⟨U+DCFF⟩.txt"}
    assert len(find(workspace, "")) == 6


def test_files_are_found_by_glob_at_any_depth(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a/test_x.py": "", "test_y.py": "", "a/x.py": "", "a/b/test_z.pyc": ""})
    assert find(workspace, "test_*.py") == ["a/test_x.py", "test_y.py"]
    assert find(workspace, "a/**/*.py*") == ["a/b/test_z.pyc", "a/test_x.py", "a/x.py"]
    assert find(workspace, "*.py", path="a") == ["a/test_x.py", "a/x.py"]


def test_a_rough_name_finds_the_best_paths_first() -> None:
    paths = ["db/models/query.py", "db/query_utils.py", "tests/raw/tests.py", "docs/query", "q/u/e.r.y"]
    assert rank("query", paths) == ["docs/query", "db/models/query.py", "db/query_utils.py"]
    assert rank("models query", paths) == ["db/models/query.py"]
    assert rank("models/query.py", paths)[0] == "db/models/query.py"
    assert rank("qryutl", paths) == ["db/query_utils.py"]
    assert rank("uery", ["q/u/e.r.y"]) == ["q/u/e.r.y"]


def test_found_paths_say_kind_and_size(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"parser/core.py": "x" * 3000, "parser.txt": ""})
    result = anyio.run(find_files, workspace, {"query": "parser"})
    assert result.text == "3 paths\nparser/\nparser.txt  0 B\nparser/core.py  3 KB"


def test_no_path_found_says_what_is_near(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"settings.py": "", ".gitignore": "*.log\n", "x.log": ""})
    result = anyio.run(find_files, workspace, {"query": "setings.yp"})
    assert "Names like it: settings.py" in result.text
    assert find(workspace, "x.log") == []
    assert find(workspace, "x.log", ignored=True) == ["x.log"]


def test_files_of_secrets_are_not_searched(make_workspace: MakeWorkspace) -> None:
    names = [".env", "conf/.env.local", "key.PEM", "id_rsa", ".gitignore"]
    workspace = make_workspace({**dict.fromkeys(names, "needle"), ".ignore": "!.env\n", "a.txt": "needle"})
    result, data = search(workspace, "needle", ignored=True, globs=["*", ".env", "!.gitignore"])
    assert ([hits.path for hits in data.files], data.secret_skipped) == (["a.txt"], 4)
    assert "4 files of secrets by name (.env, conf/.env.local, id_rsa, …)" in result.text
    with pytest.raises(NotAllowed):
        search(workspace, "needle", path=".env")
