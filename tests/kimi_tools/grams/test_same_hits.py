"""The filter beside its judge: every search gives what rg gives when it walks, and says what it passed over."""

import os
import random
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest

from kimi_tools.errors import BadArguments
from kimi_tools.grams.gather import WHOLE
from kimi_tools.grams.literals import required
from kimi_tools.grams.tree import Tree, tree_of
from kimi_tools.ripgrep import Remarks, Scope, binary
from kimi_tools.search.survey import Query, Survey, take_survey
from kimi_tools.workspace import Workspace

PATTERNS = 400
WORDS = (
    *(
        "needle",
        "Needle",
        "NEEDLE",
        "kelvin",
        "passes",
        "straße",
        "STRASSE",
        "naïve",
        "handler",
        "make_thing",
    ),
    *(
        "foo.bar",
        "class Order",
        "def test_one",
        "x" * 300,
        "ends",
        "\u212aelvin",
        "pa\u017fses",
        "Ünder",
        "nul",
    ),
)

HOSTILE: dict[str, bytes] = {
    ".gitignore": b"ignored/\n*.log\n/only_here.txt\n",
    "sub/.ignore": b"quiet.txt\n",
    "a.py": b"def make_thing(needle):\n    return needle  # Needle\n",
    "crlf.txt": b"needle one\r\nclass Order\r\n\r\nhandler\r\n",
    "latin.txt": "na\xefve needle stra\xdfe\n".encode("latin-1"),
    "utf8bom.txt": "\ufeffneedle at the start\nnaïve\n".encode(),
    "utf16le.txt": "needle wide\nkelvin\n".encode("utf-16"),
    "utf16be.txt": b"\xfe\xff" + "class Order\nnaïve handler\n".encode("utf-16-be"),
    "kelvin.txt": "\u212aelvin and pa\u017f\u017fes\nfoo.bar\n".encode(),
    "upper.txt": b"NEEDLE KELVIN PASSES ENDS\nFOO.BAR\n",
    "long.js": b"y" * 70_000 + b"needle" + b"x" * 70_000 + b"\nmake_thing",
    "no_newline": b"the last line ends with needle",
    "empty": b"",
    "tiny": b"nul",
    "binary.bin": b"needle\0needle make_thing\n",
    "late.bin": b"needle first\n" + b"z" * 40 * 4096 + b"\0 handler\n",
    "sub/deep/er/b.txt": b"needle\nfoo\nbar\nclass Order:\n    pass\n",
    "sub/quiet.txt": b"needle ignored\n",
    "sub/loud.txt": b"def test_one():\n    needle\n",
    "ignored/a.txt": b"needle in an ignored folder\n",
    "out.log": b"needle in a log\n",
    "only_here.txt": b"needle\n",
    ".hidden/config": b"needle hidden\nhandler\n",
    ".env": b"needle=secret\n",
    "keys/server.pem": b"needle secret\n",
    "prod.env/inner.txt": b"needle in a folder that is named like a secret\n",
    "new\nline.txt": b"needle odd name\n",
    "-e": b"needle dash\n",
    "sp ace.txt": b"needle space\n",
}


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Workspace]:
    root = tmp_path / "root"
    for name, data in HOSTILE.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (Path(os.fsdecode(os.fsencode(root) + b"/bad\xff.txt"))).write_bytes(
        b"needle in a name that is no UTF-8\n"
    )
    outside = tmp_path / "outside.txt"
    outside.write_bytes(b"needle outside\n")
    (root / "link.txt").symlink_to(outside)
    (root / "loop").symlink_to(root)
    (root / "quiet_folder").mkdir()
    os.mkfifo(root / "fifo")
    os.link(root / "a.py", tmp_path / "second_name.py")
    workspace = Workspace(root, state=tmp_path / "state")
    yield workspace
    workspace.close()


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


async def ready(workspace: Workspace) -> Tree:
    """The workspace's tree once it can be used: what is too young to be believed takes some looks."""
    tree = tree_of(workspace)
    for _ in range(200):
        tree.renew()
        if await tree.settled():
            return tree
        await anyio.sleep(0.01)
    raise AssertionError("the tree is never ready")


def walked(workspace: Workspace, query: Query, scope: Scope) -> tuple[list[tuple[str, int]], Remarks] | None:
    """What rg itself says when it walks; None when it refuses the pattern."""
    done = subprocess.run(
        [
            *(
                binary(),
                "--no-config",
                "--color=never",
                "--hidden",
                "--no-require-git",
                "--no-follow",
                "--no-mmap",
            ),
            *("--engine=auto", "--max-filesize=32M", "--count", "--null", "--with-filename", "--debug"),
            *(*query.options(), *scope.arguments(), "--", scope.target),
        ],
        cwd=workspace.root,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    remarks = Remarks.of(done.stderr)
    if done.returncode > 1 and remarks.complaints:
        return None
    found = re.findall(rb"([^\0]*)\0(\d+)\n", done.stdout)
    return sorted((os.fsdecode(name.removeprefix(b"./")), int(count)) for name, count in found), remarks


async def assert_same(workspace: Workspace, query: Query, scope: Scope = WHOLE) -> Survey | None:
    judged = walked(workspace, query, scope)
    try:
        survey = await take_survey(workspace, query, scope, 30)
    except BadArguments:
        assert judged is None, query
        return None
    assert judged is not None, query
    assert survey.counts == judged[0], (query, scope)
    told = survey.remarks
    assert (told.binary, told.huge, told.secret) == (judged[1].binary, judged[1].huge, judged[1].secret), (
        query
    )
    return survey


def made_pattern(dice: random.Random) -> str:
    """A pattern of pieces that are literal, optional, grouped, alternative, anchored, escaped or broken."""
    word = dice.choice(WORDS)
    start = dice.randrange(len(word))
    piece = lambda: re.escape(word[start : start + dice.randrange(1, 9)])  # noqa: E731
    forms: list[Callable[[], str]] = [
        lambda: word,
        lambda: re.escape(word),
        piece,
        lambda: f"{piece()}?{re.escape(dice.choice(WORDS))}",
        lambda: f"{re.escape(word)}*",
        lambda: f"{re.escape(word)}{{0,2}}{piece()}",
        lambda: f"{re.escape(word)}{{1}}",
        lambda: f"(?:{re.escape(word)}|{re.escape(dice.choice(WORDS))})",
        lambda: f"{re.escape(word)}|{re.escape(dice.choice(WORDS))}",
        lambda: f"({piece()})+{piece()}",
        lambda: f"^{piece()}.*$",
        lambda: rf"\b{re.escape(word)}\b",
        lambda: rf"{piece()}\s*\w*",
        lambda: f"[{word[0] if word[0].isalnum() else 'n'}-z]{piece()}",
        lambda: f"(?i){re.escape(word)}",
        lambda: f"(?i:{re.escape(word)})x?",
        lambda: f"(?={re.escape(word)})..",
        lambda: f"(?!{re.escape(word)}){piece()}",
        lambda: f"(?x) {piece()} # {re.escape(word)}",
        lambda: rf"\Q{word}\E",
        lambda: rf"{piece()}\x6eeedle",
        lambda: f"{piece()}{dice.choice(['(', ')', '[', '{2', '**', chr(92)])}",
        lambda: rf"{piece()}(?:\n)?{piece()}",
        lambda: rf"{re.escape(word)}\n.*",
        lambda: f"{piece()}[^]]*[[:alpha:]]",
        lambda: f"{piece()}??{re.escape(word)}",
        lambda: f"{re.escape(word)}+?",
    ]
    return dice.choice(forms)()


def made_query(dice: random.Random) -> Query:
    return Query(
        made_pattern(dice).replace("\n", " "),
        literal=dice.random() < 0.15,
        case=dice.choice(("smart", "sensitive", "insensitive")),
        multiline=dice.random() < 0.2,
    )


SCOPES = (
    *(WHOLE,) * 6,
    *(Scope(path, excluded=WHOLE.excluded) for path in ("sub", "sub/deep", "ignored", ".hidden", "keys")),
    *(
        Scope(globs=globs, excluded=WHOLE.excluded)
        for globs in (
            *(
                ("*.py",),
                ("*.txt", "!sub/**"),
                ("!*.txt",),
                ("sub/**",),
                ("/sub/*.txt",),
                ("*.log",),
                ("**/er/*",),
            ),
            *(
                ("sub",),
                ("!sub",),
                ("*",),
                ("ignored/**",),
                ("*.{py,txt}",),
                ("[ab].py",),
                ("*.pem",),
                ("**/*.txt",),
            ),
            *(("!*.txt", "*.py"), ("*.txt", "!*.txt", "a*"), ("sub/**/b.txt",), ("ignored",), ("prod.env",)),
        )
    ),
    Scope("sub", ("*.txt", "!loud*"), excluded=WHOLE.excluded),
)


@pytest.mark.parametrize("seed", range(4))
def test_hundreds_of_made_patterns_give_the_hits_of_rg(hostile: Workspace, seed: int) -> None:
    dice = random.Random(seed)
    found: list[int] = []
    filtered = 0

    async def compare() -> None:
        nonlocal filtered
        tree = await ready(hostile)
        for _ in range(PATTERNS // 4):
            query = made_query(dice)
            survey = await assert_same(hostile, query, dice.choice(SCOPES))
            found.append(survey.matches if survey else -1)
            needed = required(query.pattern, literal=query.literal, exact_case=query.case == "sensitive")
            filtered += needed is not None
            assert await tree.settled()

    anyio.run(compare)
    assert filtered > len(found) // 3, "too few of the patterns had a literal to look for"
    assert sum(count > 0 for count in found) > len(found) // 6, "too few of the patterns matched"


def test_what_changed_a_moment_ago_is_found(hostile: Workspace) -> None:
    root = hostile.root

    async def compare() -> None:
        tree = await ready(hostile)
        for number in range(30):
            word = f"fresh_word_{number}"
            query = Query(word, literal=True, case="sensitive", multiline=False)
            one = root / "a.py"
            status = one.stat()
            one.write_bytes(word.encode().ljust(status.st_size, b"\n"))
            os.utime(one, ns=(status.st_atime_ns, status.st_mtime_ns))  # same size, same time, other content
            survey = await assert_same(hostile, query)
            assert survey is not None
            assert survey.counts == [("a.py", 1)]
            made = root / "sub" / f"made{number}.tmp"
            made.write_bytes(f"{word} replaced\n".encode())
            os.replace(made, root / "sub" / "loud.txt")
            survey = await assert_same(hostile, query)
            assert survey is not None
            assert survey.counts == [("a.py", 1), ("sub/loud.txt", 1)]
            assert await tree.settled(), "an edit is no reason to gather anew"

    anyio.run(compare)


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "sub/made.txt").write_text("needle made"),
        lambda root: (root / "quiet_folder/made.txt").write_text("needle made"),
        lambda root: (
            (root / "new/er").mkdir(parents=True),
            (root / "new/er/made.txt").write_text("needle made"),
        ),
        lambda root: (root / "a.py").unlink(),
        lambda root: (root / "sub").rename(root / "elsewhere"),
        lambda root: (root / ".gitignore").write_text("*.txt\n"),
        lambda root: (root / ".gitignore").unlink(),
        lambda root: (root.parent / ".ignore").write_text("a.py\n"),
        lambda root: ((root / "link.txt").unlink(), (root / "link.txt").write_text("needle, a file now")),
        lambda root: (
            (root / "a.py").unlink(),
            (root / "a.py").mkdir(),
            (root / "a.py/b").write_text("needle"),
        ),
        lambda root: ((root / "a.py").unlink(), (root / "a.py").symlink_to(root.parent / "outside.txt")),
        lambda root: (root / "a.py").write_bytes(b"needle\0binary now"),
        lambda root: (root / "binary.bin").write_bytes(b"needle text now"),
        lambda root: (root / "a.py").write_bytes("needle\0".encode("utf-16")),
        lambda root: (root.parent / "second_name.py").write_bytes(b"needle needle\nneedle"),
        lambda root: (root / "out.log").write_bytes(b"needle, still ignored"),
        lambda root: os.truncate(root / "tiny", 40 * 1024 * 1024),
        lambda root: [(root / f"many{n}.txt").write_text("needle") for n in range(50)],
        lambda root: [(root / "sub/deep/er" / f"f{n}").mkdir() for n in range(5)],
        lambda root: (
            (root / ".git/info").mkdir(parents=True),
            (root / ".git/info/exclude").write_text("*.py\n"),
        ),
    ],
)
def test_a_change_of_any_kind_is_seen_by_the_next_search(
    hostile: Workspace, change: Callable[[Path], object]
) -> None:
    async def compare() -> None:
        query = Query("needle", literal=False, case="smart", multiline=False)
        await ready(hostile)
        before = await assert_same(hostile, query)
        change(hostile.root)
        await assert_same(hostile, query)
        tree_of(hostile).renew()
        await assert_same(hostile, query)
        await tree_of(hostile).settled()
        await assert_same(hostile, query)
        assert before is not None

    anyio.run(compare)
