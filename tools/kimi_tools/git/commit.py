"""`git_commit`: named paths, one message, nothing else."""

import hashlib
from collections.abc import Sequence

from kimi_tools import redact
from kimi_tools.errors import BadArguments, Conflict, NotAllowed, NotFound
from kimi_tools.git.branches import made_here
from kimi_tools.git.entries import Entry, read_status
from kimi_tools.git.patch import OPTIONS, ChangedFile, changed_files, totals
from kimi_tools.git.patch import PatchReader as Reader
from kimi_tools.gitcommand import Repository, fields, states
from kimi_tools.policy import Request
from kimi_tools.protected import names_secret
from kimi_tools.tool import Data, Param, Params, Result, tool
from kimi_tools.visible import reveal_line
from kimi_tools.workspace import Workspace


class GitCommitParams(Params):
    message: str = Param("Commit message")
    paths: list[str] = Param("Files or directories, new ones too")
    branch: str = Param("Refuse unless on this branch", default="")


class GitCommit(Data):
    """The new commit, its branch and what it changed."""

    commit: str
    branch: str
    subject: str
    files: list[ChangedFile]


@tool(
    "Git commit",
    "Commit the named paths only; runs no hooks, leaves other staged changes alone.",
    toolset="git",
    effect="edits",
)
async def git_commit(workspace: Workspace, params: GitCommitParams) -> Result:
    if not params.message.strip() or "\0" in params.message:
        raise BadArguments("The message is empty or holds a NUL character; write what was changed and why.")
    if not params.paths:
        raise BadArguments("No paths are named; give the files or directories to commit.")
    repository = await Repository.open(workspace)
    paths = list(dict.fromkeys(workspace.relative(path) for path in params.paths))
    status = await read_status(repository, paths, every_file=True)
    _require_a_branch(repository, status.branch, params.branch)
    _require_changes(paths, status.entries)
    await _require_no_filters(repository, status.entries)
    names = [name for entry in status.entries for name in (entry.path, entry.origin) if name]
    await _require_leave(repository, status.branch, params.message, status.entries)
    commit = await _commit(repository, names, [e.path for e in status.entries if e.untracked], params.message)
    files = await _changed(repository, commit, bool(status.head))
    subject = reveal_line(params.message.strip().splitlines()[0])
    lines = [f"Committed {commit[:10]} on {reveal_line(status.branch)}: {subject[:200]} ({totals(files)})"]
    lines += [f"  {one.path} | +{one.added} -{one.removed}" for one in files[:50]]
    if len(files) > 50:
        lines.append(f"  … and {len(files) - 50} more files")
    data = GitCommit(commit=commit, branch=reveal_line(status.branch), subject=subject, files=files)
    return Result("\n".join(lines), data)


def _require_a_branch(repository: Repository, current: str, wanted: str) -> None:
    """No commit in the middle of something else, on no branch, or on another one than meant."""
    if under_way := states(repository.place):
        raise Conflict(f"The repository is {' and '.join(under_way)}; finish or abort that before a commit.")
    if not current:
        raise Conflict("HEAD is detached, so a commit would be on no branch; make one with git_branch first.")
    if wanted and wanted != current:
        raise Conflict(
            f"The current branch is '{reveal_line(current)}', not '{reveal_line(wanted)}'; nothing was done."
        )


def _require_changes(paths: Sequence[str], entries: Sequence[Entry]) -> None:
    if unmerged := [reveal_line(entry.path) for entry in entries if entry.unmerged]:
        raise Conflict(f"There are unresolved conflicts in {', '.join(unmerged[:10])}; resolve them first.")
    for path in paths:
        if not any(_under(path, name) for entry in entries for name in (entry.path, entry.origin)):
            raise NotFound(
                f"There is nothing to commit in '{reveal_line(path)}': unchanged, ignored or not there; "
                "git_status lists what changed."
            )


def _under(path: str, name: str) -> bool:
    return path == "." or name == path or name.startswith(f"{path}/")


async def _require_no_filters(repository: Repository, entries: Sequence[Entry]) -> None:
    """A file under a filter that is not run would be committed with the wrong content."""
    untrusted = set(repository.filters())
    if not untrusted:
        return
    names = b"".join(entry.path.encode("utf-8", "surrogateescape") + b"\0" for entry in entries)
    done = await repository.run("check-attr", "-z", "--stdin", "filter", stdin=names)
    records = fields(done.stdout)
    under = [
        (name, value) for name, value in zip(records[::3], records[2::3], strict=False) if value in untrusted
    ]
    if under:
        raise NotAllowed(
            f"'{reveal_line(under[0][0])}' goes through the filter '{reveal_line(under[0][1])}', which only this "
            "repository's own configuration defines and which is not run; commit it with git yourself."
        )


async def _require_leave(repository: Repository, branch: str, message: str, entries: Sequence[Entry]) -> None:
    """Leave for files of secrets, and for a commit on a branch that the workshop did not make."""
    policy = repository.workspace.policy
    names = sorted(entry.path for entry in entries)
    patch = await _patch_to_come(repository, entries)
    digest = hashlib.sha256(patch).hexdigest()
    for entry in entries:
        if (entry.untracked or entry.staged == "A") and names_secret(entry.path):
            sentence = f"Commit '{entry.path}', a file of secrets, for the first time."
            policy.require(Request("secrets", entry.path, sentence, digest))
    if redact.mask_bytes(patch) != patch:
        policy.require(Request("secrets", branch, "Commit text that looks like a key or a password.", digest))
    if branch not in made_here(repository.workspace):
        content = "\n".join([message, *names, digest])
        policy.require(Request("commits", branch, f"Commit {len(names)} files on '{branch}'.", content))


async def _patch_to_come(repository: Repository, entries: Sequence[Entry]) -> bytes:
    """The added lines of what would be committed, and new files as they are; at most some megabytes of each."""
    tracked = [entry.path for entry in entries if not entry.untracked]
    added = b""
    if tracked:
        base = await repository.head()
        options = [option for option in OPTIONS if option not in ("--numstat", "-z")]
        ends = [base] if base else ["--cached"]
        done = await repository.run("diff", *options, "--unified=0", *ends, "--", *tracked)
        added = b"\n".join(line for line in done.stdout.split(b"\n") if line.startswith(b"+"))
    new: list[bytes] = []
    for entry in entries:
        path = f"./{entry.path}"  # a name may be blank
        if entry.untracked and repository.workspace.stat(path, follow=False).kind == "file":
            new.append(repository.workspace.read_bytes(path))
    return b"\n".join([added, *new])


async def _commit(repository: Repository, names: Sequence[str], new: Sequence[str], message: str) -> str:
    """Make the commit; when git refuses, new files are unknown to it again. Gives its full name."""
    listing = b"".join(name.encode("utf-8", "surrogateescape") + b"\0" for name in new)
    everything = b"".join(name.encode("utf-8", "surrogateescape") + b"\0" for name in names)
    from_stdin = ("--pathspec-from-file=-", "--pathspec-file-nul")
    if new:
        await repository.run("add", "--intent-to-add", *from_stdin, stdin=listing)
    try:
        with repository.workspace.scratch() as folder:
            path = folder / "message"
            path.write_text(message, "utf-8")
            await repository.run(
                *("commit", "--only", "--quiet", "--no-verify", "--no-gpg-sign", "--no-status", "--no-edit"),
                *("--cleanup=whitespace", f"--file={path}", *from_stdin),
                stdin=everything,
            )
    except BaseException:
        if new:
            await repository.run("reset", "--quiet", *from_stdin, stdin=listing, accept=(0, 1, 128))
        raise
    return await repository.head() or ""


async def _changed(repository: Repository, commit: str, has_parent: bool) -> list[ChangedFile]:
    reader = Reader(0)
    ends = [f"{commit}^", commit] if has_parent else [commit]
    await repository.run("diff-tree", "--no-commit-id", "-r", "--root", *OPTIONS, *ends, on_output=reader.add)
    return changed_files(reader)
