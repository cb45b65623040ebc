"""Linux: namespaces made by bubblewrap, with a system-call filter behind them.

The argument list was measured on Debian 12 with bubblewrap 0.8.0 (2026-11-21). What it relies on beyond the
manual: `/proc/1/environ` shows bubblewrap's own environment, so that is scrubbed too; a bind of `/proc/sys`
over itself closes `core_pattern` to real root (bubblewrap issue 313); `--ro-bind-try` aborts on EACCES.
"""

import os
import select
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kimi_tools.errors import NotAllowed, Unavailable
from kimi_tools.process import Launch, allowed_environment, program
from kimi_tools.sandbox import relay, seccomp
from kimi_tools.sandbox.gate import Gate
from kimi_tools.sandbox.layout import Layout, project_environments, refuse_unbounded_root
from kimi_tools.sandbox.place import Place
from kimi_tools.sandbox.survey import Survey, hides, watched
from kimi_tools.sandbox.worktree import git_directories

_NAMESPACES = (
    *("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"),
    *("--unshare-cgroup-try", "--disable-userns", "--die-with-parent", "--new-session"),
    *("--cap-drop", "ALL", "--hostname", "sandbox"),
)
_PROC = ("--proc", "/proc")
_PROC_READ_ONLY = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/acpi")
_TEMPORARY = ("--perms", "1777", "--tmpfs", "/tmp", "--perms", "1777", "--tmpfs", "/var/tmp")
_FAMILIES = (seccomp.UNIX, seccomp.INET, seccomp.INET6, seccomp.NETLINK)
_OFFLINE = {
    "GOTOOLCHAIN": "local",
    "GOPROXY": "off",
    "CARGO_NET_OFFLINE": "true",
    "UV_OFFLINE": "1",
    "UV_NO_SYNC": "1",
    "PIP_NO_INDEX": "1",
}
"""So that package managers say at once that there is no network, instead of trying again and again."""
_PORT = 3128
_PROXIED = {
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), f"http://127.0.0.1:{_PORT}"),
    **dict.fromkeys(("NO_PROXY", "no_proxy"), "localhost,127.0.0.1,::1"),
}
_RELAYED = (sys.executable, "-I", "-S", "/run/kimi-mcp/relay.py", "/run/kimi-mcp/proxy", str(_PORT))
_MOST_GUARDED = 300


@dataclass(slots=True)
class Bubblewrap:
    """The default sandbox; made by `kimi_tools.sandbox.choose`, which knows that it works here.

    `own_proc`: whether a /proc of its own can be mounted (some containers forbid it). `network`: hosts that
    commands may reach, through a proxy.
    """

    layout: Layout
    own_proc: bool = True
    network: Sequence[str] = ()
    mounts = True
    own_programs = False

    @property
    def gaps(self) -> Sequence[str]:
        """What it does not protect."""
        return () if self.own_proc else ("other processes of yours are visible",)

    _surveys: dict[Path, Survey] = field(default_factory=lambda: dict[Path, Survey]())

    @property
    def level(self) -> str:
        """`bubblewrap`, with what is missing of it."""
        level = "bubblewrap" if self.own_proc else "bubblewrap without its own /proc"
        return f"{level}, network: {', '.join(self.network)}" if self.network else level

    def launch(self, argv: Sequence[str], place: Place, environment: Mapping[str, str]) -> Launch:
        """The command inside bubblewrap. Raises `NotAllowed` for a root that cannot be confined."""
        refuse_unbounded_root(place.root, self.layout.home)
        self._require_visible(argv[0], place)
        survey = self._surveys.setdefault(place.root, Survey(place.root))
        before = survey.look()
        handles = _Handles()
        gate = Gate(self.network, place.reach) if self.network or place.reach else None
        arguments = [
            *_NAMESPACES,
            *self._system(),
            *self._project(place),
            *_guards(place, before, handles),
            *(_gate_arguments(gate, handles) if gate else ()),
            *("--seccomp", str(handles.data(seccomp.compiled(_FAMILIES)))),
            *("--sync-fd", str(handles.alive())),
            *("--chdir", str(place.at / place.folder)),
        ]
        listing = handles.data(b"".join(os.fsencode(argument) + b"\0" for argument in arguments))
        return Launch(
            [
                *(program("bwrap"), "--args", str(listing), "--"),
                *_process_limit(place.limits.tasks),
                *(_RELAYED if gate else ()),
                *argv,
            ],
            self._environment(environment, gate is not None),
            pass_fds=handles.passed,
            sandbox=self.level,
            in_memory=self._in_memory(),
            after=handles.closing(lambda: [*hold_new(place.root, before, survey), *_close_gate(gate)]),
        )

    def _require_visible(self, name: str, place: Place) -> None:
        """Raises `Unavailable` for a program that is on this machine but not in the sandbox."""
        found = name if os.path.isabs(name) else shutil.which(name)
        if found is None or not os.path.isabs(found):
            return
        seen = [*self.layout.shown, place.root, place.at, *place.writable, *project_environments(place.root)]
        for path in (Path(found), Path(os.path.realpath(found))):
            if path.exists() and not any(path.is_relative_to(folder) for folder in seen):
                raise Unavailable(
                    f"'{name}' lies in {path.parent}, which commands cannot see; "
                    f"start kimi-mcp with --sandbox-read {path.parent} to show it to them."
                )

    def _in_memory(self) -> list[str]:
        """The directories whose files are kept in memory: every tmpfs that commands can write."""
        masked = [str(path) for path in self.layout.masked if path.is_dir()]
        return ["/", "/dev", "/tmp", "/var/tmp", str(self.layout.home), *masked]

    def _environment(self, extra: Mapping[str, str], networked: bool) -> dict[str, str]:
        confined = {"HOME": str(self.layout.home), "TMPDIR": "/tmp"}
        return {**allowed_environment(), **confined, **(_PROXIED if networked else _OFFLINE), **extra}

    def _system(self) -> list[str]:
        """The machine's part: an empty tree, and on it what may be seen."""
        arguments = ["--tmpfs", str(self.layout.home), *_TEMPORARY, "--dir", "/run"]
        for path in self.layout.shown:
            arguments += ["--ro-bind", str(path), str(path)]
        for path in self.layout.masked:
            arguments += ["--tmpfs", str(path)] if path.is_dir() else ["--ro-bind", "/dev/null", str(path)]
        arguments += ["--dev", "/dev"]
        arguments += _PROC if self.own_proc else ("--ro-bind", "/proc", "/proc")
        for name in _PROC_READ_ONLY if self.own_proc else ():
            if os.path.exists(name):
                arguments += ["--ro-bind", name, name]
        return arguments

    def _project(self, place: Place) -> list[str]:
        """The workspace and what belongs to it."""
        arguments: list[str] = []
        if place.cache is not None:
            arguments += ["--bind", str(place.cache), str(self.layout.home / ".cache")]
        for path in project_environments(place.root):
            arguments += ["--ro-bind", str(path), str(path)]
        for path in git_directories(place.root):
            arguments += ["--ro-bind", str(path), str(path)]
        arguments += ["--ro-bind" if place.read_only else "--bind", str(place.root), str(place.at)]
        for path in place.writable:
            arguments += ["--bind", str(path), str(path)]
        return arguments


def _process_limit(tasks: int) -> list[str]:
    """The kernel's own limit, behind the one that looks: it counts within the sandbox's user namespace only.

    It does not hold for real root.
    """
    setter = shutil.which("prlimit", path="/usr/bin:/bin")
    if not tasks or setter is None or os.geteuid() == 0:
        return []
    return [setter, f"--nproc={tasks}:{tasks}", "--"]


def _gate_arguments(gate: Gate, handles: "_Handles") -> list[str]:
    script = handles.data(Path(relay.__file__).read_bytes())
    return [
        *("--ro-bind-data", str(script), "/run/kimi-mcp/relay.py"),
        *("--ro-bind", str(gate.path), "/run/kimi-mcp/proxy"),
    ]


def _close_gate(gate: Gate | None) -> list[str]:
    if gate is None:
        return []
    gate.close()
    hosts = ", ".join(dict.fromkeys(gate.refused))
    return [f"It was kept from reaching {hosts}; --allow-network opens single hosts."] if hosts else []


def _guards(place: Place, found: Mapping[str, object], handles: "_Handles") -> list[str]:
    """Protected entries made read-only, secret files made empty."""
    arguments: list[str] = []
    guarded = [path for path in found if watched(path)]
    if len(guarded) > _MOST_GUARDED:
        raise NotAllowed(
            f"The workspace holds {len(guarded)} git repositories, more than the {_MOST_GUARDED} "
            "that commands can be kept out of; open one of them instead."
        )
    for path in guarded:
        if not (place.root / path).is_symlink():
            arguments += ["--ro-bind", str(place.root / path), str(place.at / path)]
    hidden = [] if place.show_secrets else [path for path in found if hides(path)]
    if len(hidden) > _MOST_GUARDED:
        raise NotAllowed(
            f"The workspace holds {len(hidden)} files of secrets, more than the {_MOST_GUARDED} that can be "
            "hidden from commands; start kimi-mcp with --allow secrets to show them all."
        )
    for path in hidden:
        if not (place.root / path).is_symlink():
            arguments += ["--ro-bind-data", str(handles.data(b"")), str(place.at / path)]
    return arguments


def hold_new(root: Path, before: Mapping[str, object], survey: Survey) -> list[str]:
    """Disarm what a command has made in protected places, by renaming it; the sentences that say so."""
    notes: list[str] = []
    for path, identity in survey.look().items():
        if not watched(path) or before.get(path) == identity:
            continue
        held = next(name for n in range(1, 1_000) if not os.path.lexists(root / (name := f"{path}.held-{n}")))
        os.rename(root / path, root / held)
        notes.append(
            f"The command made '{path}', which programs outside the sandbox would obey; "
            f"it was renamed to '{held}'."
        )
    return notes


class _Handles:
    """The descriptors that one launch hands to bubblewrap."""

    def __init__(self) -> None:
        self.passed: list[int] = []
        self._end = -1

    def data(self, content: bytes) -> int:
        """A descriptor to read `content` from."""
        descriptor = os.memfd_create("kimi-mcp")
        os.write(descriptor, content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        self.passed.append(descriptor)
        return descriptor

    def alive(self) -> int:
        """A descriptor that the sandbox's first process holds; the other end tells when that is gone."""
        self._end, theirs = os.pipe()
        self.passed.append(theirs)
        return theirs

    def closing(self, then: Callable[[], Sequence[str]]) -> Callable[[], Sequence[str]]:
        """Close everything, wait until the sandbox is gone, go on with `then`."""

        def after() -> Sequence[str]:
            for descriptor in self.passed:
                os.close(descriptor)
            select.select([self._end], [], [], 2.0)
            os.close(self._end)
            return then()

        return after
