"""cargo test, read from libtest's plain output: one line per test, then a block per failure.

libtest's JSON is unstable (it needs a nightly compiler), so its text is read; it has been the same since
Rust 1.0 and colours are turned off.
"""

import re
from collections.abc import Sequence

from kimi_tools.testrun.collector import Collector
from kimi_tools.testrun.report import Status
from kimi_tools.testrun.suite import Job, Plan, Selection, Suite
from kimi_tools.testrun.tree import Tree, join, parent

_TARGET = re.compile(r"^\s+Running (?:unittests )?(\S+) \((?:.*/)?([\w.-]+?)(?:-[0-9a-f]{16})?(?:\.exe)?\)")
_DOC = re.compile(r"^\s+Doc-tests (\S+)")
_COUNT = re.compile(r"^running (\d+) tests?$")
_TEST = re.compile(r"^test (.+?)(?: - should panic(?: - .*)?)? \.\.\. (ok|FAILED|ignored)(?:, (.*))?$")
_BLOCK = re.compile(r"^---- (.+?) stdout ----$")
_PANIC = re.compile(
    r"panicked at (?:'(?P<old>.*)', )?(?P<path>[^\s:']+):(?P<line>\d+):\d+(?::\n(?P<new>.*))?", re.DOTALL
)
_ERROR = re.compile(r"^error(?:\[E\d+\])?: (.*)")
_ARROW = re.compile(r"^\s+--> (\S+?):(\d+):\d+")
_KILLED = re.compile(r"\(signal: \d+, (\w+)")
_STATUS: dict[str, Status] = {"ok": "passed", "FAILED": "failed", "ignored": "skipped"}


class Cargo:
    """The runner. Its ids are `crate::module::test`."""

    name = "cargo"
    suffixes = (".rs",)
    path_ids = False

    def find(self, tree: Tree) -> Sequence[Suite]:
        """Outermost packages and workspaces."""
        folders: list[str] = []
        for path in tree.named("Cargo.toml"):
            folder = parent(path)
            if not any(outer == "." or folder.startswith(f"{outer}/") for outer in folders):
                folders.append(folder)
        return [
            Suite(self.name, folder, join(folder, "Cargo.toml"), size=len(tree.below(folder, "*.rs")))
            for folder in folders
        ]

    async def plan(self, job: Job) -> Plan:
        """`cargo test`, all targets even when one fails."""
        words = list(job.suite.command) or [job.workspace.program("cargo"), "test"]
        environment = {"CARGO_TERM_COLOR": "never", "RUST_BACKTRACE": "0"}
        if not job.workspace.exists(job.suite.outside("target")):
            environment["CARGO_TARGET_DIR"] = str(job.cache / "cargo")
        before, after = _selected(job)
        argv = [*words, "--no-fail-fast", *before, *(["--", *after] if after else [])]
        reader = Reader()
        return Plan(argv, environment, on_line=reader.line, at_end=reader.end)

    def owns(self, name: str) -> bool:
        """Ids look like parts of names; the known ones are recognised anyway."""
        return False


def _selected(job: Job) -> tuple[list[str], list[str]]:
    """Options for cargo, and filters for the test programs."""
    selection: Selection = job.selection
    options: list[str] = []
    filters: list[str] = []
    for path in (job.suite.inside(path) for path in selection.paths):
        folder, name = parent(path), path.rpartition("/")[2]
        if not name.endswith(".rs"):
            if job.workspace.exists(job.suite.outside(join(path, "Cargo.toml"))) and path != ".":
                options += ["--manifest-path", join(path, "Cargo.toml")]
        elif folder.rpartition("/")[2] == "tests" or folder == "tests":
            options += ["--test", name.removesuffix(".rs")]
        else:
            inner = (
                re.sub(r"(^|.*/)src/", "", path).removesuffix(".rs").removesuffix("/mod").replace("/", "::")
            )
            options += ["--lib", "--bins"]
            filters += [] if inner in ("lib", "main") else [f"{inner}::"]
    tests = [id.partition("::")[2] for id in selection.ids]
    if tests and not selection.parts and not filters:
        return list(dict.fromkeys(options)), ["--exact", *tests]
    return list(dict.fromkeys(options)) if "--test" not in options else options, [
        *filters,
        *tests,
        *selection.parts,
    ]


class Reader:
    """Reads the output of one run."""

    def __init__(self) -> None:
        self.crate = ""
        self.path = ""
        self.block = ""
        self.blocks: dict[str, list[str]] = {}
        self.error: list[str] = []
        self.failed: dict[str, str] = {}

    def line(self, line: str, collector: Collector) -> None:
        """One line of output."""
        if match := _TARGET.match(line):
            self._finish(collector)
            self.path, self.crate = match[1], match[2]
        elif match := _DOC.match(line):
            self._finish(collector)
            self.path, self.crate = "", f"{match[1]}(doc)"
        elif match := _COUNT.match(line):
            collector.total += int(match[1])
        elif (match := _TEST.match(line)) and not self.block:
            self._test(collector, match)
        elif match := _BLOCK.match(line):
            self.block = match[1]
        elif line in ("failures:", "") and self.block and line == "failures:":
            self.block = ""
        elif self.block:
            self.blocks.setdefault(self.block, []).append(line)
        elif _ERROR.match(line) or self.error:
            self.error = [*self.error[:60], line]
        elif line.strip().startswith("Compiling "):
            collector.say(line.strip())
        if match := _KILLED.search(line):
            collector.crash = f"A test program was killed by {match[1]} ({self.crate})."

    def _test(self, collector: Collector, match: re.Match[str]) -> None:
        id = f"{self.crate}::{match[1]}"
        status = _STATUS[match[2]]
        if status == "failed":
            self.failed[match[1]] = id
        collector.end(id, status, message=match[3] or "")

    def _finish(self, collector: Collector) -> None:
        """A target is over: its failures get their messages."""
        for name, id in self.failed.items():
            text = "\n".join(self.blocks.get(name, [])).strip()
            panic = _PANIC.search(text)
            message = (panic["old"] or panic["new"] or "") if panic else text.partition("\n")[0]
            message = message.split("\nnote: ")[0].split("\nstack backtrace:")[0]
            collector.end(
                id,
                "failed",
                path=panic["path"] if panic else self.path,
                line=int(panic["line"]) if panic else 0,
                message=message,
                trace=text,
            )
        self.failed, self.blocks, self.block = {}, {}, ""

    def end(self, collector: Collector) -> None:
        """The last target's failures; compiler errors, when there are any."""
        self._finish(collector)
        text = "\n".join(self.error)
        if "could not compile" in text:
            place = next((m for line in self.error if (m := _ARROW.match(line))), None)
            first = _ERROR.match(self.error[0])
            collector.end(
                "build",
                "error",
                path=place[1] if place else "",
                line=int(place[2]) if place else 0,
                message=first[1] if first else "",
                trace=text,
                collecting=True,
            )


CARGO = Cargo()
