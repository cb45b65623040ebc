"""Reading a file or directory as a commit has it: raw bytes, without filters, textconv or links."""

from dataclasses import dataclass

from kimi_tools.errors import NotFound, PathRefused
from kimi_tools.gitcommand import Repository, fields
from kimi_tools.policy import Request
from kimi_tools.protected import holds_secret
from kimi_tools.visible import reveal_line

MAX_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Thing:
    """What a commit has at a path: a `blob`, `tree` or `commit` (a submodule), its name, its size in bytes."""

    kind: str
    name: str
    size: int


async def thing_at(repository: Repository, commit: str, path: str) -> Thing:
    """What a commit has at a path; the path is no pattern. Raises `NotFound`."""
    if path == ".":
        return Thing("tree", f"{commit}^{{tree}}", 0)
    done = await repository.run("ls-tree", "-z", "--long", "--full-tree", commit, "--", path)
    records = fields(done.stdout)
    if not records:
        raise NotFound(
            f"'{reveal_line(path)}' is not in the commit {commit[:10]}; git_log shows its history."
        )
    _, kind, name, size = records[0].partition("\t")[0].split()
    return Thing(kind, name, int(size) if size.isdigit() else 0)


async def blob(repository: Repository, commit: str, path: str, thing: Thing | None = None) -> bytes:
    """A file's bytes in a commit. Raises `NotFound`, `PathRefused` when it is no file or too big."""
    thing = thing or await thing_at(repository, commit, path)
    if thing.kind != "blob":
        raise PathRefused(f"'{reveal_line(path)}' is no file in the commit {commit[:10]}; name a file.")
    if thing.size > MAX_BYTES:
        raise PathRefused(
            f"'{reveal_line(path)}' has {thing.size:,} bytes there, more than the {MAX_BYTES:,} that are read."
        )
    done = await repository.run("cat-file", "blob", thing.name)
    if holds_secret(path, done.stdout):
        repository.workspace.policy.require(
            Request("secrets", path, f"Show '{path}' of {commit[:10]}, a file of secrets, to the model.")
        )
    return done.stdout


async def tree(repository: Repository, thing: Thing) -> list[str]:
    """The names in a directory of a commit; directories end with `/`."""
    done = await repository.run("ls-tree", "-z", thing.name)
    names: list[str] = []
    for record in fields(done.stdout):
        about, _, name = record.partition("\t")
        names.append(reveal_line(name) + ("/" if about.split(" ")[1] == "tree" else ""))
    return names
