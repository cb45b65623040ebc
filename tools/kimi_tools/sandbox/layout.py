"""What a confined command sees of the machine, beside the workspace.

The system's own directories and the toolchains that were found, all read-only; an empty home; no other
project, no socket directory, no credential. An allow-list: a directory that nobody thought of is not there.
"""

import os
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kimi_tools.errors import NotAllowed

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix")
SYSTEM_STATE = (
    *("/var/lib/gems", "/var/lib/php", "/var/lib/texmf", "/var/lib/ghc", "/var/cache/fontconfig"),
    *("/gnu/store", "/snap", "/sys/devices/system", "/sys/fs/cgroup"),
)

# Below the home directory: what programs are made of, and what they have downloaded. No file with a password
# lies in these (`~/.m2/settings.xml`, `~/.cargo/credentials.toml`, `~/.gradle/gradle.properties` are beside).
TOOLCHAINS = (
    ".pyenv",
    ".rbenv",
    ".nodenv",
    ".asdf",
    ".nvm",
    ".volta",
    ".fnm",
    ".bun",
    ".deno",
    ".sdkman/candidates",
    ".rustup",
    ".cargo/bin",
    ".cargo/registry",
    ".cargo/git",
    "go/bin",
    "go/pkg",
    ".m2/repository",
    ".m2/wrapper",
    ".gradle/caches",
    ".gradle/wrapper",
    ".gem/ruby",
    ".composer/vendor",
    ".local/bin",
    ".local/lib",
    ".local/pipx",
    ".local/share/uv",
    ".local/share/pipx",
    ".local/share/mise",
    ".local/share/fnm",
    ".local/share/virtualenvs",
    ".local/share/pnpm",
    ".virtualenvs",
    ".cache/pypoetry/virtualenvs",
    ".cache/uv",
    ".cache/go-build",
    "miniconda3",
    "anaconda3",
    "miniforge3",
    ".dotnet",
)
# Variables that name a toolchain or a cache, and the parts of it that are shown.
TOOLCHAIN_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "VIRTUAL_ENV": (".",),
    "CONDA_PREFIX": (".",),
    "PYENV_ROOT": (".",),
    "NVM_DIR": (".",),
    "RUSTUP_HOME": (".",),
    "CARGO_HOME": ("bin", "registry", "git"),
    "GOPATH": ("bin", "pkg"),
    "GOROOT": (".",),
    "GOMODCACHE": (".",),
    "JAVA_HOME": (".",),
    "GEM_HOME": (".",),
}


@dataclass(frozen=True, slots=True)
class Layout:
    """What is shown: `shown` paths read-only, and of these the `masked` ones empty; `home` is the empty one.

    `left_out` names directories that would have been shown but cannot be read.
    """

    home: Path
    shown: tuple[Path, ...]
    masked: tuple[Path, ...]
    left_out: tuple[Path, ...]


def home_directory() -> Path:
    """The user's home, resolved."""
    return Path(os.path.expanduser("~")).resolve()


def machine_layout(readable: Sequence[Path] = ()) -> Layout:
    """The layout for this machine and user; `readable` are directories that the user added."""
    home = home_directory()
    wanted = [*map(Path, SYSTEM), *map(Path, SYSTEM_STATE), *_toolchains(home), *readable]
    shown: list[Path] = []
    left_out: list[Path] = []
    for path in _without_nested(wanted):
        # bubblewrap's --ro-bind-try forgives a missing path but not one without permission.
        if path.exists():
            (shown if os.access(path, os.R_OK | os.X_OK) else left_out).append(path)
    masked = _private(Path("/etc")) if os.geteuid() == 0 else []
    return Layout(home, tuple(shown), tuple(masked), tuple(left_out))


def project_environments(project: Path) -> list[Path]:
    """Where the project's own virtual environments get their interpreter from."""
    found: list[Path] = []
    for name in (".venv", "venv", "env", ".env"):
        configuration = project / name / "pyvenv.cfg"
        if not configuration.is_file():
            continue
        if not (project / name).resolve().is_relative_to(project.resolve()):
            found.append((project / name).resolve())
        found += _interpreter(project / name / "bin" / "python")
    return found


def _toolchains(home: Path) -> Iterator[Path]:
    yield from (home / name for name in TOOLCHAINS)
    for variable, parts in TOOLCHAIN_VARIABLES.items():
        value = os.environ.get(variable, "")
        for part in parts if value else ():
            yield Path(value) / part
    yield Path(sys.prefix)
    yield from _interpreter(Path(sys.executable))
    yield Path(sys.base_prefix)
    for entry in os.environ.get("PATH", "").split(os.pathsep):
        if Path(entry).is_absolute():
            yield Path(entry)


def _interpreter(python: Path) -> list[Path]:
    """The installation that an interpreter, behind its symlinks, belongs to."""
    real = Path(os.path.realpath(python))
    return [real.parent.parent] if real.parent.name in ("bin", "Scripts") and real.is_file() else []


def _without_nested(paths: Iterable[Path]) -> list[Path]:
    """Each path once, none that lies beneath another, and never `/` or the home itself or above it."""
    home = home_directory()
    kept: list[Path] = []
    for path in sorted({Path(os.path.normpath(path)) for path in paths}, key=lambda path: len(path.parts)):
        if home.is_relative_to(path) or any(path.is_relative_to(other) for other in kept):
            continue
        kept.append(path)
    return kept


@cache
def _private(folder: Path) -> list[Path]:
    """What below a system directory is not for everybody: as root we could read it, so it is masked."""
    found: list[Path] = []
    pending = [folder]
    while pending:
        try:
            entries = list(os.scandir(pending.pop()))
        except OSError:
            continue
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if stat.S_ISLNK(status.st_mode):
                continue
            readable = stat.S_IROTH | (stat.S_IXOTH if stat.S_ISDIR(status.st_mode) else 0)
            if status.st_mode & readable != readable:
                found.append(Path(entry.path))
            elif stat.S_ISDIR(status.st_mode):
                pending.append(Path(entry.path))
    return sorted(found)


def refuse_unbounded_root(root: Path, home: Path) -> None:
    """Raises `NotAllowed` when confining commands to the root would give them the whole home or machine."""
    if home.is_relative_to(root):
        raise NotAllowed(
            f"The workspace {root} holds your whole home directory, which commands must not see; "
            "open a project's own directory instead."
        )
