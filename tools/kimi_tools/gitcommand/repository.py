"""A repository opened for one call: git in it, hardened, with what it says turned into errors of ours."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kimi_tools.errors import BadArguments, Conflict, NotFound, TimedOut, ToolError, Unavailable
from kimi_tools.gitcommand import harden, place, private_index
from kimi_tools.process import Finished, program, run
from kimi_tools.visible import reveal_line
from kimi_tools.workspace import Workspace

SECONDS = 60.0
OLDEST = (2, 31)
"""The first git that takes configuration from the environment (GIT_CONFIG_COUNT)."""

_OUTPUT_BYTES = 16 * 1024 * 1024


def fields(output: bytes) -> list[str]:
    """The records of a `-z` output; bytes that are no UTF-8 survive as surrogate escapes."""
    records = output.decode("utf-8", "surrogateescape").split("\0")
    return records[:-1] if records and not records[-1] else records


@dataclass(frozen=True, slots=True)
class Repository:
    """A workspace's repository. `overrides`: settings of its own configuration that were taken away."""

    workspace: Workspace
    place: place.Place
    overrides: Mapping[str, str]
    own_settings: frozenset[str]

    @staticmethod
    async def open(workspace: Workspace) -> "Repository":
        """The repository at the workspace's root.

        Raises `NotFound`, `PathRefused` for one that belongs elsewhere, `Unavailable` without a fit git.
        """
        await _require_version(workspace.root)
        found = place.find(workspace.root)
        bare = Repository(workspace, found, {}, frozenset())
        done = await bare.run("config", "--list", "--show-scope", "-z", "--includes")
        listing = _listing(fields(done.stdout))
        own = frozenset(name for scope, name, _ in listing if scope in ("local", "worktree"))
        return Repository(workspace, found, harden.overrides(listing), own)

    async def run(
        self,
        *arguments: str,
        stdin: bytes | None = None,
        timeout: float = SECONDS,
        accept: Sequence[int] = (0,),
        environment: Mapping[str, str] | None = None,
        on_output: Callable[[bytes], None] | None = None,
        refreshed: bool = False,
    ) -> Finished:
        """Run git and give its result when its exit code is accepted.

        Arguments come from us or were checked (`commit_of`, `Workspace.relative`): nothing from a caller may
        stand where git looks for options. `refreshed`: with the private copy of the index, for commands that only
        read it. Raises `ToolError` with what git said otherwise.
        """
        if any("\0" in argument for argument in arguments):
            raise BadArguments("An argument for git cannot hold a NUL character.")
        own: dict[str, str] = {}
        settings = self.overrides
        if refreshed and (own := private_index.environment(self.place, self.workspace.state)):
            settings = {**settings, **private_index.SETTINGS}
        done = await run(
            [_binary(self.place.root), *arguments],
            cwd=self.place.root,
            timeout=timeout,
            environment={**harden.environment(self.place, settings), **own, **(environment or {})},
            stdin=stdin,
            head_limit=0 if on_output else _OUTPUT_BYTES,
            tail_limit=0 if on_output else 20_000,
            on_output=on_output,
        )
        if done.timed_out:
            raise TimedOut(
                f"git {arguments[0]} did not end in {timeout:g} s; ask for less (a path, a smaller range)."
            )
        if done.exit_code not in accept:
            raise self.explain(arguments[0], done.stderr)
        return done

    async def commit_of(self, revision: str) -> str:
        """The full name of a commit. Raises `BadArguments` for what is no revision, `NotFound`."""
        if not revision or revision.startswith(("-", ":")) or re.search(r"[\x00-\x1f\x7f]", revision):
            raise BadArguments(
                f"'{reveal_line(revision)}' is not a revision; give a branch, tag or commit, for example HEAD~1."
            )
        done = await self.run(
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            f"{revision}^{{commit}}",
            accept=(0, 1, 128),
        )
        name = done.text.strip()
        if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", name):
            if _DAMAGED.search(done.stderr.decode("utf-8", "replace")):
                raise self.explain("rev-parse", done.stderr)
            raise NotFound(
                f"There is no commit '{reveal_line(revision)}'; git_branch and git_log list what there is."
            )
        return name

    async def head(self) -> str | None:
        """The full name of the current commit; None on a branch without commits."""
        done = await self.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}", accept=(0, 1, 128))
        name = done.text.strip()
        if not name and done.stderr.strip() and _DAMAGED.search(done.stderr.decode("utf-8", "replace")):
            raise self.explain("rev-parse", done.stderr)
        return name or None

    def filters(self) -> list[str]:
        """Names of content filters that only this repository defines, and that are therefore not run."""
        found = (re.fullmatch(r"(?s)filter\.(.*)\.(?:clean|smudge|process)", name) for name in self.overrides)
        return sorted({match[1] for match in found if match and not self.overrides[match[0]]})

    def explain(self, command: str, stderr: bytes) -> ToolError:
        """The error for what git said."""
        said = stderr.decode("utf-8", "replace").replace(f"{self.place.root}/", "")
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        first = next((line for line in lines if line.startswith(("fatal:", "error:"))), " ".join(lines))
        reason = reveal_line(re.sub(r"^(fatal|error): ", "", first))[:300] or "no reason given"
        if lock := re.search(r"Unable to create '([^'\n]*\.lock)': File exists", said):
            return self._locked(lock[1])
        if re.search(r"lazy fetching disabled|promisor|could not fetch [0-9a-f]{40}", said):
            return NotFound(
                "An object is not in this partial clone, and none is fetched; run git there yourself."
            )
        if _DAMAGED.search(said) or "bad object" in said:
            return ToolError(
                f"The repository is damaged ({reason}); 'git fsck' says more. The other tools work."
            )
        if re.search(r"empty ident name|identity unknown|tell me who you are", said, re.IGNORECASE):
            return ToolError(
                "Git does not know who commits; set it: git config --global user.name '…' and user.email '…'."
            )
        if re.search(r"would be overwritten|local changes|untracked working tree files", said):
            names = [
                reveal_line(line) for line in lines[1:] if not line.startswith(("Please", "Abort", "error"))
            ]
            return Conflict(f"That would lose changes in {', '.join(names[:10])}; commit them first.")
        kind = (
            NotFound
            if re.search(r"unknown revision|bad revision|does not exist|no such path", said)
            else ToolError
        )
        return kind(f"git {command}: {reason.rstrip('.')}.")

    def _locked(self, name: str) -> ToolError:
        path = Path(name)
        path = path if path.is_absolute() else self.place.root / path
        try:
            age = f", made {time.time() - path.lstat().st_mtime:,.0f} s ago"
        except OSError:
            age = ""
        return Conflict(
            f"Another git works here or has crashed: '{reveal_line(name)}' exists{age}. Try again; "
            "if no git is running, remove that file."
        )


_DAMAGED = re.compile(
    r"object file .* is empty|is corrupt|unable to read (tree|[0-9a-f]{40})|index file|bad signature|inflate: "
    r"|not a git repository|packfile|missing blob|bad config|unable to parse|bad tree|garbage at end of loose"
)


def _listing(records: Sequence[str]) -> list[tuple[str, str, str | None]]:
    """Scope, name and value of `git config --list --show-scope -z`; a name without `=` has no value."""
    found: list[tuple[str, str, str | None]] = []
    for scope, setting in zip(records[::2], records[1::2], strict=False):
        name, newline, value = setting.partition("\n")
        found.append((scope, name, value if newline else None))
    return found


def _binary(root: Path) -> str:
    return program("git", root)


@cache
def _versions() -> dict[str, tuple[int, ...]]:
    return {}


async def _require_version(root: Path) -> None:
    binary = _binary(root)
    known = _versions()
    if binary not in known:
        done = await run([binary, "version"], cwd="/", timeout=10, environment=harden.environment(None, {}))
        found = re.search(r"(\d+)\.(\d+)", done.text)
        known[binary] = (int(found[1]), int(found[2])) if found else (0, 0)
    if known[binary] < OLDEST:
        raise Unavailable(
            f"git {'.'.join(map(str, known[binary]))} is too old to be run safely; install git 2.31 or later."
        )
