"""The servers of other languages, each on a small project; one that is not installed here skips its tests."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kimi_tools import lsp
from kimi_tools.errors import ToolError
from kimi_tools.lsp import semantic, servers, session
from kimi_tools.lsp.servers import KNOWN
from kimi_tools.process import program
from kimi_tools.sandbox import Sandbox
from kimi_tools.sandbox.choice import choose
from kimi_tools.workspace import Workspace

MakeRepository = Callable[[dict[str, str | bytes]], Path]

GO = "module example.com/shop\n\ngo 1.18\n"
CARGO = '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n'
LOCK = 'version = 3\n\n[[package]]\nname = "shop"\nversion = "0.1.0"\n'
PROJECTS: dict[str, tuple[dict[str, str | bytes], str, int, set[tuple[str, int]]]] = {
    "pyright": (
        {
            "a.py": "class A:\n    def f(self): ...\n\nclass B:\n    def f(self): ...\n",
            "b.py": "from a import A, B\nA().f()\nB().f()\n",
        },
        "a.py",
        2,
        {("a.py", 2), ("b.py", 2)},
    ),
    "gopls": (
        {
            "go.mod": GO,
            "a.go": "package shop\n\ntype A struct{}\n\nfunc (A) f() {}\n\ntype B struct{}\n\nfunc (B) f() {}\n",
            "b.go": "package shop\n\nfunc use() {\n\tA{}.f()\n\tB{}.f()\n}\n",
        },
        "a.go",
        5,
        {("a.go", 5), ("b.go", 4)},
    ),
    "clangd": (
        {
            "a.h": "struct A { void f(); };\nstruct B { void f(); };\n",
            "a.cpp": '#include "a.h"\nvoid A::f() {}\nvoid B::f() {}\n',
            "b.cpp": '#include "a.h"\nvoid use() { A a;\na.f(); B b;\nb.f(); }\n',
        },
        "a.cpp",
        2,
        {("a.h", 1), ("a.cpp", 2), ("b.cpp", 3)},
    ),
    "rust-analyzer": (
        {
            "Cargo.toml": CARGO,
            "Cargo.lock": LOCK,
            "src/lib.rs": "mod b;\npub struct A;\nimpl A {\n    pub fn f(&self) {}\n}\npub struct B;\nimpl B {\n"
            "    pub fn f(&self) {}\n}\n",
            "src/b.rs": "use crate::{A, B};\npub fn used() {\n    A.f();\n    B.f();\n}\n",
        },
        "src/lib.rs",
        4,
        {("src/lib.rs", 4), ("src/b.rs", 3)},
    ),
    "typescript-language-server": (
        {
            "tsconfig.json": '{"compilerOptions": {"strict": true}}',
            "a.ts": "export class A {\n  f() {}\n}\nexport class B {\n  f() {}\n}\n",
            "b.ts": 'import { A, B } from "./a";\nnew A().f();\nnew B().f();\n',
        },
        "a.ts",
        2,
        {("a.ts", 2), ("b.ts", 2)},
    ),
    "jdtls": (
        {
            "pom.xml": "<project><modelVersion>4.0.0</modelVersion><groupId>g</groupId><artifactId>a</artifactId>"
            "<version>1</version></project>",
            "src/main/java/shop/A.java": "package shop;\n\npublic class A {\n    public void f() {}\n}\n",
            "src/main/java/shop/B.java": "package shop;\n\npublic class B {\n    public void f() {}\n}\n",
            "src/test/java/shop/ATest.java": "package shop;\n\nclass ATest {\n    void use() {\n"
            "        new A().f();\n        new B().f();\n    }\n}\n",
        },
        "src/main/java/shop/A.java",
        4,
        {("src/main/java/shop/A.java", 4), ("src/test/java/shop/ATest.java", 5)},
    ),
}

_CODE = ("py", "go", "h", "cpp", "rs", "ts", "java")


@pytest.fixture
def open_confined(tmp_path: Path, make_repository: MakeRepository) -> Iterator[Callable[..., Workspace]]:
    """Make a repository and open a workspace on it, in the sandbox that this machine has."""
    opened: list[Workspace] = []

    def make(files: dict[str, str | bytes], server: str) -> Workspace:
        try:
            sandbox: Sandbox = choose([Path(server).parents[1]])  # where the server is installed
        except ToolError as error:
            pytest.skip(str(error))
        opened.append(Workspace(make_repository(files), state=tmp_path / "state", sandbox=sandbox))
        return opened[-1]

    yield make
    for workspace in opened:
        workspace.close()


def only(name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Know just one server; its path. Skips where it is not installed or does not start."""
    known = next(known for known in KNOWN if known.name == name)
    monkeypatch.setattr(servers, "KNOWN", (known,))
    found = servers.server_for(next(iter(known.languages)))
    if found is None:
        pytest.skip(f"{name} is not installed")
    if name == "rust-analyzer" and subprocess.run([found[1], "--version"], capture_output=True).returncode:
        pytest.skip("rust-analyzer is named here, but its toolchain lacks it")
    if name == "gopls":
        need("go")
    return found[1]


def need(name: str) -> None:
    try:
        program(name)
    except ToolError:
        pytest.skip(f"{name} is not installed")


def ask(
    workspace: Workspace, name: str, version: int = 1, changed: tuple[str, ...] = ()
) -> lsp.Answer | None:
    files, path, line, _ = PROJECTS[name]
    code = tuple(file for file in files if file.rpartition(".")[2] in _CODE)

    def changed_since(since: int) -> tuple[str, ...]:
        return code if since < 1 else changed if since < version else ()

    question = lsp.Question(path, line, "f", version, changed_since, code)
    return lsp.references(workspace, question, 100)


def the_process(workspace: Workspace) -> subprocess.Popen[bytes]:
    (found,) = semantic._servers[workspace]._sessions.values()
    return found.client._process


@pytest.mark.parametrize("name", PROJECTS)
def test_methods_of_the_same_name_are_told_apart_in_the_sandbox_and_nothing_is_written(
    name: str, open_confined: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = only(name, monkeypatch)
    files, _, _, expected = PROJECTS[name]
    workspace = open_confined(files, server)
    answer = ask(workspace, name)
    assert answer is not None
    assert answer.lacking or answer.places == expected
    assert answer.places <= expected
    left = {p.relative_to(workspace.root).as_posix() for p in workspace.root.rglob("*") if p.is_file()}
    assert {path for path in left if not path.startswith(".git/")} == set(files)


@pytest.mark.parametrize("name", PROJECTS)
def test_a_server_outlives_the_question_and_sees_a_change_at_once(
    name: str, open_confined: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "START_SECONDS", 240.0)  # a loaded machine may need more than a user waits
    server = only(name, monkeypatch)
    files, asked, _, expected = PROJECTS[name]
    workspace = open_confined(files, server)
    first = ask(workspace, name)
    process = the_process(workspace)
    path, line = max(place for place in expected if place[0] != asked)
    target = workspace.root / path
    target.write_text("\n" + target.read_text())
    answer = ask(workspace, name, 2, (path,))
    assert answer is not None
    assert first is not None
    assert (path, line + 1) in answer.places
    assert process.poll() is None
    workspace.close()
    assert process.poll() is not None
