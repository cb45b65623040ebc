"""Where base commits come from, and the one-commit repository that is made of one.

The agent's repository holds one commit: no later history, no remote, no reflog (swebench #471: agents read
the fix from future commits).
"""

import shutil
import tarfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from kimi_mcp.swebench.errors import NoHistory
from kimi_mcp.swebench.instances import Instance
from kimi_tools.process import Finished, allowed_environment, program, run

_GIT_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "SWE-bench",
    "GIT_AUTHOR_EMAIL": "swebench@localhost",
    "GIT_COMMITTER_NAME": "SWE-bench",
    "GIT_COMMITTER_EMAIL": "swebench@localhost",
    "GIT_AUTHOR_DATE": "2000-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2000-01-01T00:00:00Z",
}


async def git(arguments: Sequence[str], *, cwd: Path, stdin: bytes | None = None) -> Finished:
    """Git in a repository that a batch made, or reading a bare history (`--git-dir`) that its user named."""
    hardened = ["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.allow=never"]
    return await run(
        [program("git"), *hardened, *arguments],
        cwd=cwd,
        timeout=600,
        stdin=stdin,
        environment=allowed_environment(_GIT_ENVIRONMENT),
        head_limit=1 << 30,
    )


def find_histories(folders: Sequence[Path], repo: str) -> list[Path]:
    """The git directories below the folders that are named after a repository.

    `owner/name`, `owner__name`, `owner+name` and `name` count, as clones, bare (`.git` ending or not), or
    with the git directory in a sub-folder `repo`; forks of the same name count after the repository itself.
    """
    owner, _, name = repo.partition("/")
    exact = {f"{owner}__{name}", f"{owner}+{name}", f"{owner}/{name}", f"{owner}-{name}", name}
    found: list[tuple[int, Path]] = []
    for folder in folders:
        places = [folder, *(sorted(folder.iterdir()) if folder.is_dir() else [])]
        places += sorted((folder / owner).iterdir()) if (folder / owner).is_dir() else []
        for place in places:
            stem = place.name.removesuffix(".git")
            own = stem in exact or f"{place.parent.name}/{stem}" in exact
            fork = stem.endswith((f"+{name}", f"__{name}"))
            if not own and not fork:
                continue
            for candidate in (place / ".git", place, place / "repo"):
                if (candidate / "objects").is_dir() and (candidate / "HEAD").is_file():
                    found.append((0 if own else 1, candidate))
                    break
    return [path for _, path in sorted(found)]


async def check_out(instance: Instance, histories: Sequence[Path], into: Path) -> str:
    """Make `into` a repository of one commit with the files of the base commit; returns that commit's id.

    Raises `NoHistory` when none of the histories holds the base commit.
    """
    for history in histories:
        archive = await git(
            ["--git-dir", str(history), "archive", "--format=tar", instance.base_commit], cwd=history
        )
        if archive.exit_code == 0:
            break
    else:
        looked = f"looked in {', '.join(map(str, histories))}" if histories else "none has its name"
        raise NoHistory(
            f"{instance.id}: no history holds commit {instance.base_commit[:12]} of {instance.repo} "
            f"({looked}); clone it and name the folder that holds it with --repos."
        )
    if into.exists():
        shutil.rmtree(into)
    into.mkdir(parents=True)
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
        files.extractall(into, filter="tar")
    await commit_all(into)
    return (await git(["rev-parse", "HEAD"], cwd=into)).text.strip()


async def adopt(root: Path) -> None:
    """Commit all files of a folder on top of the history that it came with, as its graders expect it.

    Of the foreign git directory nothing is kept that git would execute or follow: no configuration, no hooks, no
    attributes, no other object directories. Falls back to `commit_all` where there is no such directory.
    """
    own = root / ".git"
    if own.is_symlink() or not (own / "HEAD").is_file():
        await commit_all(root)
        return
    for name in ("hooks", "info", "modules", "worktrees", "objects/info", "commondir", "gitdir"):
        place = own / name
        shutil.rmtree(place) if place.is_dir() and not place.is_symlink() else place.unlink(missing_ok=True)
    (own / "config").unlink(missing_ok=True)
    (own / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tautocrlf = false\n")
    await _normal_modes(root)
    await _each(
        root, ["add", "-A", "-f"], ["commit", "-q", "--no-verify", "--allow-empty", "-m", "Base commit"]
    )


async def start_over(root: Path) -> None:
    """Commit all files of a folder in a new history; the one that it came with may hold the fix."""
    own = root / ".git"
    if own.is_dir() and not own.is_symlink():
        await _normal_modes(root)
        shutil.rmtree(own)
    else:
        own.unlink(missing_ok=True)
    await commit_all(root)


async def _normal_modes(root: Path) -> None:
    """Give files the permissions that their index knows: images open everything to everybody (`chmod 777`)."""
    listed = await git(["-c", "core.fsmonitor=false", "ls-files", "--stage", "-z"], cwd=root)
    for entry in listed.stdout.decode("utf-8", "surrogateescape").split("\0"):
        mode, _, name = entry.partition(" ")[0], *entry.partition("\t")[1:]
        path = root / name
        if mode in ("100644", "100755") and path.is_file() and not path.is_symlink():
            path.chmod(int(mode[3:], 8))


async def commit_all(root: Path) -> None:
    """Make a repository of a folder: one commit of everything in it, whatever its ignore rules say."""
    await _each(
        root,
        ["init", "-q", "-b", "main", "--template="],
        ["config", "core.autocrlf", "false"],
        ["config", "core.logAllRefUpdates", "false"],
        ["add", "-A", "-f"],
        ["commit", "-q", "--no-verify", "--allow-empty", "-m", "Base commit"],
        ["pack-refs", "--all"],
    )


async def _each(root: Path, *commands: Sequence[str]) -> None:
    for arguments in commands:
        done = await git(arguments, cwd=root)
        if done.exit_code != 0:
            raise NoHistory(
                f"git {arguments[0]} failed in {root}: {done.stderr.decode('utf-8', 'replace')[-300:]}"
            )
