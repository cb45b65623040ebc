"""What Maven and Gradle share: Java's test classes, Surefire's reports, compiler errors."""

import re
from collections.abc import Iterable, Sequence

from kimi_tools.errors import ToolError
from kimi_tools.testrun.collector import Collector
from kimi_tools.testrun.junit import MAX_BYTES, JunitCase, cases
from kimi_tools.testrun.suite import Job
from kimi_tools.testrun.tree import Tree, join

SUFFIXES = (".java", ".kt", ".groovy", ".scala")
TEST_FILES = tuple(
    f"{kind}{end}" for end in SUFFIXES for kind in ("*Test", "*Tests", "Test*", "*IT", "*Spec")
)
_COMPILER = (
    re.compile(r"^\[ERROR\] (/\S+\.\w+):\[(\d+),\d+\] (.*)"),
    re.compile(r"^(?:e: )?(?:file://)?(/\S+\.\w+):(\d+)(?::\d+)?:? (?:error: )?(.*)"),
)


def owns_id(name: str) -> bool:
    """Whether a name is `package.Class#method`."""
    return re.match(r"[\w.$]+#\w", name) is not None


def class_of(path: str) -> str:
    """The simple name of the class that a source file holds."""
    return path.rpartition("/")[2].partition(".")[0]


def offline(job: Job) -> bool:
    """Whether commands have no network, so that the build tool must not look for newer versions."""
    return job.workspace.sandbox.level != "none"


class Sources:
    """Finds the source file of a test class."""

    def __init__(self, tree: Tree) -> None:
        self._files: dict[str, list[str]] = {}
        for path in tree.below(".", *(f"*{end}" for end in SUFFIXES)):
            self._files.setdefault(class_of(path), []).append(path)

    def path(self, classname: str) -> str:
        """The path of the file that declares a class, by its name and package; empty when not found."""
        package, _, name = classname.partition("$")[0].rpartition(".")
        inner = package.replace(".", "/")
        found = self._files.get(name, [])
        return next((path for path in found if f"/{path}".rpartition("/")[0].endswith(inner)), "")


def line_in(trace: str, path: str) -> int:
    """The line of the first stack frame in a source file, 0 when there is none."""
    name = path.rpartition("/")[2]
    match = re.search(rf"\({re.escape(name)}:(\d+)\)", trace) if name else None
    return int(match[1]) if match else 0


def report_stamps(job: Job, folders: Iterable[str]) -> dict[str, int]:
    """Every report file in these folders and when it was written."""
    found: dict[str, int] = {}
    for folder in folders:
        try:
            entries = job.workspace.list_directory(folder)
        except ToolError:
            continue
        for entry in entries:
            if entry.kind == "file" and re.search(r"/TEST-[^/]+\.xml$", entry.path):
                found[entry.path] = entry.mtime_ns
    return found


def read_reports(job: Job, paths: Iterable[str], sources: Sources, collector: Collector) -> None:
    """Take the cases of reports; a test of the same id in several of them failed when one of them says so."""
    for path in sorted(paths):
        try:
            data = job.workspace.read_bytes(path, limit=MAX_BYTES)
        except ToolError:
            collector.problems.append(f"The report {path} cannot be read.")
            continue
        for case in cases(data):
            _take(job, case, sources, collector)


def _take(job: Job, case: JunitCase, sources: Sources, collector: Collector) -> None:
    path = sources.path(case.classname)
    id = f"{case.classname}#{case.name.removesuffix('()')}" if case.name else case.classname
    trace = case.trace + (
        f"\n--- output ---\n{case.output}" if case.output and case.status != "passed" else ""
    )
    collector.end(
        id,
        case.status if case.status != "error" or not case.name else "failed",
        seconds=case.seconds,
        path=str(job.workspace.at / path) if path else "",
        line=line_in(case.trace, path),
        message=case.message,
        trace=trace if case.status in ("failed", "error") else "",
    )


def compiler_error(output: Sequence[str], collector: Collector) -> None:
    """A compiler's first error, as the build's own case."""
    for line in output:
        for pattern in _COMPILER:
            if match := pattern.match(line):
                collector.end(
                    "build",
                    "error",
                    path=match[1],
                    line=int(match[2]),
                    message=match[3],
                    trace="\n".join(output[:40]),
                    collecting=True,
                )
                return


def module_folder(job: Job, path: str, manifest: Sequence[str]) -> str:
    """The folder of the module that a path lies in, relative to the suite's folder."""
    while path not in ("", "."):
        if any(job.workspace.exists(job.suite.outside(join(path, name))) for name in manifest):
            return path
        path = path.rpartition("/")[0]
    return "."
