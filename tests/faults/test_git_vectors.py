"""Ways in which a repository makes git run a program: every one, against every git tool of the catalogue.

Each vector is armed in a repository of its own with a program that leaves a mark. `provoke` is a plain git
command that springs it and so proves that it is armed; None where the git here is too old to fall for it.
"""

import os
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest

from kimi_tools.catalog import TOOLS
from kimi_tools.errors import NotAllowed
from kimi_tools.policy import KINDS, Policy
from kimi_tools.tool import Tool
from kimi_tools.workspace import Workspace
from tests.conftest import GIT_ENVIRONMENT, git, write_files

GIT_TOOLS = [tool for tool in TOOLS if tool.toolset == "git"]

CALLS: dict[str, list[dict[str, Any]]] = {
    "git_diff": [{}, {"target": "HEAD~1..HEAD"}, {"target": "unstaged"}],
    "git_log": [
        {},
        {"path": "a.py"},
        {"text": "one"},
        {"text": "one", "regex": True},
        {"path": "a.py", "symbol": "one"},
    ],
    "git_show": [{}, {"path": "a.py"}, {"path": "."}],
    "git_blame": [{"path": "a.py"}, {"path": "a.py", "revision": "HEAD"}],
    "git_commit": [{"message": "x", "paths": ["a.py", "new.py"]}, {"message": "x", "paths": ["."]}],
    "git_branch": [
        {"name": "fix", "create": True},
        {"name": "main"},
        {"name": "new", "create": True, "start": "HEAD~1"},
        {},
    ],
}
"""The calls of each tool; one that is not here is called with its defaults."""


@dataclass(frozen=True)
class Armed:
    """A repository below `folder`, and its trap."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def trap(self) -> str:
        return str(self.folder / "trap")

    def config(self, name: str, value: str) -> None:
        git(self.root, "config", "--add", name, value)

    def sprung(self) -> bool:
        return (self.folder / "mark").exists()


def _filter(armed: Armed, name: str, *kinds: str) -> None:
    (armed.root / ".git/info").mkdir(exist_ok=True)
    (armed.root / ".git/info/attributes").write_text(f"* filter={name}\n")
    for kind in kinds:
        armed.config(f"filter.{name}.{kind}", armed.trap)


def fsmonitor(armed: Armed) -> None:
    armed.config("core.fsmonitor", armed.trap)


def hooks(armed: Armed) -> None:
    names = ("pre-commit", "commit-msg", "prepare-commit-msg", "post-commit", "post-checkout", "post-rewrite")
    for name in (*names, "post-index-change", "reference-transaction", "pre-auto-gc", "post-merge"):
        (armed.root / ".git/hooks").mkdir(exist_ok=True)
        os.symlink(armed.trap, armed.root / ".git/hooks" / name)


def hooks_path(armed: Armed) -> None:
    (armed.root / "hk").mkdir()
    for name in ("pre-commit", "post-index-change", "post-checkout"):
        os.symlink(armed.trap, armed.root / "hk" / name)
    armed.config("core.hooksPath", "hk")


def filter_clean(armed: Armed) -> None:
    _filter(armed, "evil", "clean", "smudge")


def filter_process(armed: Armed) -> None:
    _filter(armed, "evil", "process")
    armed.config("filter.evil.required", "true")


def filter_with_equals_in_its_name(armed: Armed) -> None:
    _filter(armed, "a=b", "clean")


def filter_of_the_worktree_configuration(armed: Armed) -> None:
    _filter(armed, "evil")
    armed.config("extensions.worktreeConfig", "true")
    (armed.root / ".git/config.worktree").write_text(f'[filter "evil"]\n\tclean = {armed.trap}\n')


def filter_of_an_included_file(armed: Armed) -> None:
    _filter(armed, "evil")
    (armed.root / "x.config").write_text(f'[filter "evil"]\n\tclean = {armed.trap}\n')
    armed.config("include.path", "../x.config")


def filter_included_on_a_branch(armed: Armed) -> None:
    _filter(armed, "evil")
    (armed.root / "x.config").write_text(
        f'[filter "evil"]\n\tclean = {armed.trap}\n\tsmudge = {armed.trap}\n'
    )
    for name in ("main", "fix", "new"):
        armed.config(f"includeIf.onbranch:{name}.path", "../x.config")


def attributes_of_a_tree(armed: Armed) -> None:
    (armed.root / ".gitattributes").write_text("* filter=evil diff=evil\n")
    git(armed.root, "add", ".gitattributes")
    git(armed.root, "commit", "-q", "-m", "Attributes")
    (armed.root / ".gitattributes").unlink()
    armed.config("attr.tree", "HEAD")
    armed.config("filter.evil.clean", armed.trap)


def attributes_file(armed: Armed) -> None:
    (armed.root / "attributes").write_text("* filter=evil\n")
    armed.config("core.attributesFile", "attributes")
    armed.config("filter.evil.clean", armed.trap)


def external_diff(armed: Armed) -> None:
    armed.config("diff.external", armed.trap)


def diff_command(armed: Armed) -> None:
    (armed.root / ".git/info").mkdir(exist_ok=True)
    (armed.root / ".git/info/attributes").write_text("* diff=evil\n")
    armed.config("diff.evil.command", armed.trap)


def textconv(armed: Armed) -> None:
    (armed.root / ".git/info").mkdir(exist_ok=True)
    (armed.root / ".git/info/attributes").write_text("* diff=evil\n")
    armed.config("diff.evil.textconv", armed.trap)
    armed.config("diff.evil.cachetextconv", "true")


def lazy_fetch(armed: Armed) -> None:
    for name in ("HEAD:b.py", "HEAD~1:a.py"):
        blob = git(armed.root, "rev-parse", name).strip()
        (armed.root / ".git/objects" / blob[:2] / blob[2:]).unlink()
    armed.config("core.repositoryFormatVersion", "1")
    armed.config("extensions.partialClone", "origin")
    armed.config("remote.origin.url", "ssh://127.0.0.1:9/r")
    armed.config("remote.origin.promisor", "true")
    armed.config("core.sshCommand", armed.trap)


def lazy_fetch_by_ext(armed: Armed) -> None:
    lazy_fetch(armed)
    git(armed.root, "config", "remote.origin.url", f"ext::{armed.trap}")
    armed.config("protocol.ext.allow", "always")


def upload_pack(armed: Armed) -> None:
    git(armed.root, "clone", "-q", "--bare", ".", "../remote.git")
    armed.config("remote.origin.url", str(armed.folder / "remote.git"))
    armed.config("remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*")
    armed.config("remote.origin.uploadpack", armed.trap)
    armed.config("remote.origin.receivepack", armed.trap)
    armed.config("branch.main.remote", "origin")
    armed.config("branch.main.merge", "refs/heads/main")


def signing(armed: Armed) -> None:
    for name in ("commit.gpgSign", "log.showSignature", "tag.gpgSign"):
        armed.config(name, "true")
    for name in ("gpg.program", "gpg.openpgp.program"):
        armed.config(name, armed.trap)


def signing_by_ssh(armed: Armed) -> None:
    armed.config("commit.gpgSign", "true")
    armed.config("gpg.format", "ssh")
    armed.config("gpg.ssh.program", armed.trap)
    armed.config("gpg.ssh.defaultKeyCommand", armed.trap)


def editors_pagers_and_aliases(armed: Armed) -> None:
    names = (
        "core.pager",
        "core.editor",
        "sequence.editor",
        "pager.log",
        "pager.diff",
        "pager.show",
        "pager.blame",
    )
    for name in (
        *names,
        "interactive.diffFilter",
        "core.askPass",
        "credential.helper",
        "core.alternateRefsCommand",
    ):
        armed.config(name, armed.trap)
    for name in (
        "status",
        "diff",
        "log",
        "show",
        "blame",
        "commit",
        "branch",
        "switch",
        "cat-file",
        "config",
    ):
        armed.config(f"alias.{name}", f"!{armed.trap}")


def hook_of_the_configuration(armed: Armed) -> None:
    armed.config("hook.evil.command", armed.trap)
    for event in ("pre-commit", "post-commit", "reference-transaction", "post-index-change", "post-checkout"):
        armed.config("hook.evil.event", event)


def submodule(armed: Armed) -> None:
    """A submodule with traps of its own, which asks to be looked into."""
    inner = armed.root / "sub"
    inner.mkdir()
    write_files(inner, {"x": "x\n"})
    git(inner, "init", "-q", "-b", "main")
    git(inner, "add", "-A")
    git(inner, "commit", "-q", "-m", "x")
    (armed.root / ".gitmodules").write_text(
        '[submodule "sub"]\n\tpath = sub\n\turl = ./sub\n\tignore = none\n'
    )
    git(armed.root, "-c", "advice.addEmbeddedRepo=false", "add", "sub", ".gitmodules")
    git(armed.root, "commit", "-q", "-m", "A submodule")
    for name, value in (
        ("ignore", "none"),
        ("update", f"!{armed.trap}"),
        ("url", "./sub"),
        ("active", "true"),
    ):
        armed.config(f"submodule.sub.{name}", value)
    armed.config("submodule.recurse", "true")
    armed.config("diff.ignoreSubmodules", "none")
    (inner / ".git/info").mkdir(exist_ok=True)
    (inner / ".git/info/attributes").write_text("* filter=evil\n")
    for name in ("core.fsmonitor", "filter.evil.clean", "filter.evil.smudge"):
        git(inner, "config", name, armed.trap)
    (inner / "x").write_text("changed\n")


def nested_repository(armed: Armed) -> None:
    """A repository that git does not know, inside the work tree."""
    submodule(armed)
    git(armed.root, "rm", "-q", "--cached", "sub", ".gitmodules")
    git(armed.root, "commit", "-q", "-m", "No submodule")
    (armed.root / ".gitmodules").unlink()


def disguised_bare_repository(armed: Armed) -> None:
    git(armed.root, "clone", "-q", "--bare", ".", "bare")
    git(armed.root / "bare", "config", "core.fsmonitor", armed.trap)
    git(armed.root / "bare", "config", "core.bare", "false")
    git(armed.root / "bare", "config", "core.worktree", "..")


def program_for_the_users_own_filter(armed: Armed) -> None:
    """The user's configuration names a program without its path, and the repository brings one."""
    _filter(armed, "own")
    with (armed.folder / ".gitconfig").open("a") as config:
        config.write('[filter "own"]\n\tclean = git-own-filter\n')
    os.symlink(armed.trap, armed.root / "git-own-filter")


VECTORS: dict[Callable[[Armed], None], Sequence[str] | None] = {
    fsmonitor: ["status"],
    hooks: ["checkout", "-q", "-b", "other"],
    hooks_path: ["checkout", "-q", "-b", "other"],
    filter_clean: ["add", "a.py"],
    filter_process: ["add", "a.py"],
    filter_with_equals_in_its_name: ["add", "a.py"],
    filter_of_the_worktree_configuration: ["add", "a.py"],
    filter_of_an_included_file: ["add", "a.py"],
    filter_included_on_a_branch: ["add", "a.py"],
    attributes_of_a_tree: None,
    attributes_file: ["add", "a.py"],
    external_diff: ["diff"],
    diff_command: ["diff"],
    textconv: ["blame", "a.py"],
    lazy_fetch: ["show", "HEAD:b.py"],
    lazy_fetch_by_ext: ["show", "HEAD:b.py"],
    upload_pack: ["fetch", "origin"],
    signing: ["commit", "-q", "--allow-empty", "-m", "x"],
    signing_by_ssh: ["commit", "-q", "--allow-empty", "-m", "x"],
    editors_pagers_and_aliases: ["commit", "--amend"],
    hook_of_the_configuration: None,
    submodule: ["status"],
    nested_repository: ["-C", "sub", "status"],
    disguised_bare_repository: ["-C", "bare", "status"],
    program_for_the_users_own_filter: ["add", "a.py"],
}


@pytest.fixture
def armed(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Armed:
    armed = Armed(tmp_path)
    Path(armed.trap).write_text(f"#!/bin/sh\necho sprung >> {tmp_path}/mark\n")
    Path(armed.trap).chmod(0o755)
    (tmp_path / ".gitconfig").write_text("[user]\n\tname = Bob\n\temail = bob@example.org\n")
    write_files(armed.root, {"a.py": "def one():\n    return 1\n", "b.py": "x = 1\n"})
    git(armed.root, "init", "-q", "-b", "main")
    git(armed.root, "add", "-A")
    git(armed.root, "commit", "-q", "-m", "Start")
    (armed.root / "a.py").write_text("def one():\n    return 11\n")
    git(armed.root, "commit", "-q", "-a", "-m", "Eleven")
    request.param(armed)
    write_files(armed.root, {"a.py": "def one():\n    return 111\n", "new.py": "new = 1\n"})
    (tmp_path / "mark").unlink(missing_ok=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(armed.root)
    monkeypatch.setenv("PATH", f":.:{armed.root}:{os.environ['PATH']}")
    return armed


def _names(values: Sequence[Callable[[Armed], None]]) -> list[str]:
    return [re.sub("_", " ", value.__name__) for value in values]


PROVOKED = [vector for vector, command in VECTORS.items() if command]


@pytest.mark.parametrize("armed", PROVOKED, ids=_names(PROVOKED), indirect=True)
def test_plain_git_springs_the_trap(armed: Armed, request: pytest.FixtureRequest) -> None:
    vector = request.node.callspec.params["armed"]
    environment = {
        **GIT_ENVIRONMENT,
        "GIT_CONFIG_GLOBAL": str(armed.folder / ".gitconfig"),
        "PATH": os.environ["PATH"],
    }
    command = ["git", *(VECTORS[vector] or ())]
    subprocess.run(
        command, cwd=armed.root, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=30
    )
    assert armed.sprung()


REFUSED: dict[Callable[[Armed], None], tuple[str, ...]] = {
    **dict.fromkeys(
        (
            filter_clean,
            filter_process,
            filter_with_equals_in_its_name,
            filter_of_the_worktree_configuration,
            filter_of_an_included_file,
            filter_included_on_a_branch,
            attributes_file,
            attributes_of_a_tree,
        ),
        ("git_commit", "git_branch"),
    ),
}
"""Where a tool rightly refuses: a filter that is not run would be missed in what is written."""


@pytest.mark.parametrize("tool", GIT_TOOLS, ids=[tool.name for tool in GIT_TOOLS])
@pytest.mark.parametrize("armed", VECTORS, ids=_names(list(VECTORS)), indirect=True)
def test_no_git_tool_springs_the_trap(armed: Armed, tool: Tool, request: pytest.FixtureRequest) -> None:
    vector = request.node.callspec.params["armed"]
    workspace = Workspace(armed.root, state=armed.folder / "state", policy=Policy.allowing(KINDS))
    refused: list[Exception] = []
    answered = 0
    for arguments in CALLS.get(tool.name, [{}]):
        try:
            anyio.run(tool, workspace, arguments)
            answered += 1
        except Exception as error:
            refused.append(error)
    workspace.close()
    assert not armed.sprung()
    if tool.name in REFUSED.get(vector, ()):
        assert any(isinstance(error, NotAllowed) for error in refused)
    elif vector not in (lazy_fetch, lazy_fetch_by_ext):
        assert answered, refused
