"""Reading a file or directory as a commit has it: raw bytes, without filters, textconv or links."""

import re

from kimi_tools.errors import NotFound, PathRefused
from kimi_tools.gitcommand import Repository, fields
from kimi_tools.policy import Request
from kimi_tools.protected import holds_secret
from kimi_tools.visible import reveal_line

MAX_BYTES = 8 * 1024 * 1024


async def kind_of(repository: Repository, commit: str, path: str) -> tuple[str, int]:
    """What a commit has at a path: `blob` or `tree` or `commit` (a submodule), and its size in bytes."""
    parent = f"{commit}:" if path == "." else f"{commit}:{path}"
    if path == ".":
        return "tree", 0
    done = await repository.run("cat-file", "-t", parent, accept=(0, 128))
    kind = done.text.strip()
    if done.exit_code:
        said = done.stderr.decode("utf-8", "replace")
        if re.search(
            r"does not exist|exists on disk|Not a valid object name|invalid object name|but not in", said
        ):
            raise NotFound(
                f"'{reveal_line(path)}' is not in the commit {commit[:10]}; git_log shows its history."
            )
        raise repository.explain("cat-file", done.stderr)
    size = await repository.run("cat-file", "-s", parent)
    return kind, int(size.text.strip() or 0)


async def blob(repository: Repository, commit: str, path: str) -> bytes:
    """A file's bytes in a commit. Raises `NotFound`, `PathRefused` when it is no file or too big."""
    kind, size = await kind_of(repository, commit, path)
    if kind != "blob":
        raise PathRefused(f"'{reveal_line(path)}' is no file in the commit {commit[:10]}; name a file.")
    if size > MAX_BYTES:
        raise PathRefused(
            f"'{reveal_line(path)}' has {size:,} bytes there, more than the {MAX_BYTES:,} that are read."
        )
    done = await repository.run("cat-file", "blob", f"{commit}:{path}")
    if holds_secret(path, done.stdout):
        repository.workspace.policy.require(
            Request("secrets", path, f"Show '{path}' of {commit[:10]}, a file of secrets, to the model.")
        )
    return done.stdout


async def tree(repository: Repository, commit: str, path: str) -> list[str]:
    """The names in a directory of a commit; directories end with `/`."""
    where = commit if path == "." else f"{commit}:{path}"
    done = await repository.run("ls-tree", "-z", where)
    names: list[str] = []
    for record in fields(done.stdout):
        about, _, name = record.partition("\t")
        names.append(reveal_line(name) + ("/" if about.split(" ")[1] == "tree" else ""))
    return names
