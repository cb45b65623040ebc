"""go test, told by its own JSON events."""

import json
import re
from collections.abc import Sequence
from typing import Any, cast

from kimi_tools.testrun.collector import Collector
from kimi_tools.testrun.suite import Job, Plan, Suite
from kimi_tools.testrun.tree import Tree, join, parent

_PLACE = re.compile(r"^\s+([\w.-]+\.go):(\d+): ?(.*)", re.MULTILINE)
_BUILD_PLACE = re.compile(r"^(?:\./)?(\S+?\.go):(\d+)(?::\d+)?: (.*)", re.MULTILINE)
_END = {"pass": "passed", "fail": "failed", "skip": "skipped"}
OUTPUT_CHARS = 20_000


class Go:
    """The runner. Its ids are `folder::TestName/subtest`, the folder relative to the workspace's root."""

    name = "go"
    suffixes = (".go",)
    path_ids = False

    def find(self, tree: Tree) -> Sequence[Suite]:
        """Every module with test files."""
        return [
            Suite(self.name, parent(path), path, size=size)
            for path in tree.named("go.mod")
            if (size := len(tree.below(parent(path), "*_test.go")))
        ]

    async def plan(self, job: Job) -> Plan:
        """`go test -json`, never from its cache of results."""
        suite, selection = job.suite, job.selection
        go = list(suite.command) or [job.workspace.program("go"), "test"]
        folders = [id.partition("::")[0] for id in selection.ids]
        packages = [f"./{suite.inside(folder)}".removesuffix("/.") for folder in folders]
        patterns = _patterns([id.partition("::")[2] for id in selection.ids], selection.parts)
        for path in (suite.inside(path) for path in selection.paths):
            if path.endswith(".go"):
                packages.append(f"./{parent(path)}".removesuffix("/."))
                names = re.findall(r"^func ((?:Test|Example|Fuzz)\w*)\(", _text(job, path), re.MULTILINE)
                patterns.append(f"^({'|'.join(names)})$")
            else:
                packages.append("./..." if path == "." else f"./{path}/...")
        run = [f"-run={'|'.join(patterns)}"] if patterns else []
        if suite.command:
            packages = packages or [w for w in go[2:] if w.startswith(".")]
            go = [word for word in go if not word.startswith("./") and word not in ("-json", "-v")]
        argv = [*go, "-json", "-count=1", *run, *dict.fromkeys(packages or ["./..."])]
        reader = Reader(job)
        return Plan(argv, on_line=reader.line, at_end=reader.end, log=_log)

    def owns(self, name: str) -> bool:
        """`folder::TestName`."""
        return re.search(r"::(Test|Example|Fuzz|Benchmark)", name) is not None


def _text(job: Job, path: str) -> str:
    return job.workspace.read(job.suite.outside(path)).text


def _patterns(names: Sequence[str], parts: Sequence[str]) -> list[str]:
    """`-run` patterns: a single test with its subtest, or several tests by the names of their first level."""
    if len(names) == 1 and not parts:
        return (
            ["/".join(f"^{re.escape(level)}$" for level in names[0].split("/") if level)] if names[0] else []
        )
    return [f"^{re.escape(name.partition('/')[0])}$" for name in dict.fromkeys(names)] + [
        re.escape(part.replace(" ", "_")) for part in parts
    ]


class Reader:
    """Reads the events of one run."""

    def __init__(self, job: Job) -> None:
        self.job = job
        text = job.workspace.read(join(job.suite.folder, "go.mod")).text if _has_module(job) else ""
        match = re.search(r"^module\s+\"?([^\s\"]+)", text, re.MULTILINE)
        self.module = match[1] if match else ""
        self.output: dict[tuple[str, str], str] = {}
        self.failed_packages: dict[str, bool] = {}
        self.other: list[str] = []

    def folder(self, package: str) -> str:
        """A package's folder relative to the workspace."""
        package = package.partition(" ")[0]
        if package == self.module:
            return self.job.suite.folder
        inner = package.removeprefix(f"{self.module}/")
        return self.job.suite.outside(inner)

    def line(self, line: str, collector: Collector) -> None:
        """One line of output."""
        event = _event(line)
        if event is None:
            self.other = [*self.other[-400:], line]
            if match := re.match(r"FAIL\s+(\S+) \[(?:build|setup) failed\]", line):  # before go 1.20
                self.output[match[1], ""] = line
                self._package_failed(collector, match[1])
            return
        package, test = str(event.get("Package", event.get("ImportPath", ""))), str(event.get("Test", ""))
        action = event.get("Action")
        key = (package, test)
        if action in ("output", "build-output"):
            if action == "build-output":
                self.other.append(str(event.get("Output", "")).rstrip("\n"))
            self.output[key] = (self.output.get(key, "") + str(event.get("Output", "")))[-OUTPUT_CHARS:]
        elif action == "run":
            collector.start(self.id(package, test))
        elif action in _END and test:
            self._test_ended(collector, package, test, str(action), event.get("Elapsed"))
        elif action == "fail":
            self._package_failed(collector, package)

    def id(self, package: str, test: str) -> str:
        """A test's id."""
        return f"{self.folder(package)}::{test}"

    def _test_ended(
        self, collector: Collector, package: str, test: str, action: str, elapsed: object
    ) -> None:
        text = self.output.pop((package, test), "")
        text = re.sub(
            r"^=== (RUN|PAUSE|CONT|NAME).*\n|^\s*--- (PASS|FAIL|SKIP).*\n", "", text, flags=re.MULTILINE
        )
        places = list(_PLACE.finditer(text))
        found = places[-1] if places else None  # t.Fatal comes last; t.Log looks the same
        folder = self.folder(package)
        path, line, message = "", 0, ""
        if found:
            path, line, message = join(folder, found[1]), int(found[2]), found[3]
        elif panic := re.search(r"^panic: (.*)", text, re.MULTILINE):
            message = f"panic: {panic[1]}"
            path, line = self._in_package(text, folder)
        if action == "fail":
            self.failed_packages[package] = True
        collector.end(
            self.id(package, test),
            "failed" if action == "fail" else "skipped" if action == "skip" else "passed",
            seconds=float(elapsed) if isinstance(elapsed, int | float) else 0.0,
            path=str(self.job.workspace.at / path) if path else "",
            line=line,
            message=message if action != "pass" else "",
            trace=text if action == "fail" else "",
        )

    def _in_package(self, text: str, folder: str) -> tuple[str, int]:
        """The first stack frame in the package's own folder."""
        whole = str(self.job.workspace.at / folder)
        for match in re.finditer(r"^\s+(/\S+\.go):(\d+)", text, re.MULTILINE):
            if match[1].startswith(f"{whole}/") and "/" not in match[1][len(whole) + 1 :]:
                return join(folder, match[1][len(whole) + 1 :]), int(match[2])
        return "", 0

    def _package_failed(self, collector: Collector, package: str) -> None:
        text = self.output.get((package, ""), "")
        if self.failed_packages.get(package) and "[build failed]" not in text:
            return
        build = "build failed]" in text or "setup failed]" in text
        running = [id for id in collector.running if id.startswith(f"{self.folder(package)}::")]
        if running:
            for id in running:
                collector.end(
                    id, "failed", message="The package's tests ended while this test ran", trace=text
                )
            return
        shown = "\n".join(self.other[-60:]) if build else text
        found = _BUILD_PLACE.search(shown)
        collector.end(
            self.folder(package),
            "error",
            path=found[1] if found else "",
            line=int(found[2]) if found else 0,
            message=found[3] if found else shown.strip().partition("\n")[0],
            trace=shown,
            collecting=build,
        )

    def end(self, collector: Collector) -> None:
        """What go said beside events, when no test could be run."""
        if not collector.cases and self.other:
            text = "\n".join(self.other[-20:]).strip()
            if text:
                collector.problems.append(text)


def _log(text: str) -> str:
    """The output as `go test -v` would print it."""
    events = [(_event(line), line) for line in text.splitlines()]
    return "".join(f"{line}\n" if event is None else str(event.get("Output", "")) for event, line in events)


def _has_module(job: Job) -> bool:
    return job.workspace.exists(join(job.suite.folder, "go.mod"))


def _event(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return cast(dict[str, Any], event) if isinstance(event, dict) else None


GO = Go()
