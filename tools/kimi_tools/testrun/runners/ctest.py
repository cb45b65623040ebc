"""CTest: configured and built when needed, results from its JUnit report."""

import re
import shlex
from collections.abc import Sequence

from kimi_tools.testrun.collector import Collector
from kimi_tools.testrun.follow import read_report
from kimi_tools.testrun.junit import MAX_BYTES, JunitCase, cases, first_place
from kimi_tools.testrun.suite import Job, Plan, Suite
from kimi_tools.testrun.tree import Tree, join, parent

REPORT = "ctest.xml"
BUILD_FOLDERS = (
    "build",
    "out",
    "_build",
    "cmake-build-debug",
    "cmake-build-release",
    "build/debug",
    "build/release",
)
_TESTS = re.compile(r"^\s*(enable_testing|add_test|include\s*\(\s*CTest)\b", re.IGNORECASE | re.MULTILINE)
_START = re.compile(r"^\s*Start\s+\d+: (.+)")
_ENDED = re.compile(
    r"^\s*\d+/(\d+) Test\s+#\d+: (\S+) [ .]*(?:\*\*\*)?(.*?)(?:\*\*\*Exception: *)?\s+[\d.]+ sec"
)
_ERROR = re.compile(r"^(\S+?):(\d+):(?:\d+:)? (?:fatal )?error: (.*)|^CMake Error at (\S+?):(\d+) ?(.*)")


class Ctest:
    """The runner. Its ids are the names of tests."""

    name = "ctest"
    suffixes = (".c", ".cc", ".cpp", ".cxx", ".h", ".hpp", ".cmake", "CMakeLists.txt")
    path_ids = False

    def find(self, tree: Tree) -> Sequence[Suite]:
        """The outermost CMake project, when it declares tests."""
        lists = tree.named("CMakeLists.txt", depth=3)
        declaring = [path for path in lists if _TESTS.search(tree.text(path))]
        if not declaring:
            return []
        folder = parent(lists[0]) if parent(lists[0]) == "." else parent(declaring[0])
        return [Suite(self.name, folder, f"{declaring[0]} declares tests", size=len(declaring))]

    async def plan(self, job: Job) -> Plan:
        """Build in the project's build folder, or in one of ours where it has none, and run ctest there."""
        suite, selection = job.suite, job.selection
        ours = str(job.cache / "cmake")
        folder = next((name for name in BUILD_FOLDERS if _built(job, name)), ours)
        cmake, ctest = job.workspace.program("cmake"), job.workspace.program("ctest")
        steps = [] if folder != ours else [[cmake, "-S", ".", "-B", folder]]
        steps.append([cmake, "--build", folder, "--parallel"])
        names = [f"^{re.escape(id)}$" for id in selection.ids] + [re.escape(part) for part in selection.parts]
        run = [
            *(suite.command or (ctest,)),
            *("--test-dir", folder, "--output-on-failure", "--no-tests=ignore"),
            *("--output-junit", str(job.scratch / REPORT)),
            *(["-R", "|".join(names)] if names else []),
        ]
        script = " && ".join(shlex.join(step) for step in [*steps, run])
        reader = Reader(job)
        return Plan(["sh", "-c", script], on_line=reader.line, at_end=reader.end)

    def owns(self, name: str) -> bool:
        """Ids look like parts of names; the known ones are recognised anyway."""
        return False


def _built(job: Job, name: str) -> bool:
    """Whether a folder is a configured build with tests."""
    files = ("CMakeCache.txt", "CTestTestfile.cmake")
    return all(job.workspace.exists(job.suite.outside(join(name, file))) for file in files)


class Reader:
    """Reads one run."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.errors: list[str] = []
        self.testing = False
        self.reasons: dict[str, str] = {}

    def line(self, line: str, collector: Collector) -> None:
        """One line of output."""
        if match := _START.match(line):
            self.testing = True
            collector.start(match[1])
        elif match := _ENDED.match(line):
            collector.total = int(match[1])
            self.reasons[match[2]] = match[3].strip(" *")
        elif not self.testing and (self.errors or _ERROR.match(line)):
            self.errors = [*self.errors[:60], line]

    def _why(self, case: JunitCase) -> str:
        """The last line that a test printed, else how its program ended."""
        lines = [line for line in case.output.splitlines() if line.strip()]
        return lines[-1] if lines else self.reasons.get(case.name, "") if case.status == "failed" else ""

    def end(self, collector: Collector) -> None:
        """The report, or why there is none."""
        data = read_report(self.job.scratch, REPORT, limit=MAX_BYTES) or b""
        for case in cases(data):
            text = case.trace or case.output
            path, line = first_place(text, collector.relative) if case.status == "failed" else ("", 0)
            collector.end(
                case.name,
                case.status,
                seconds=case.seconds,
                path=str(self.job.workspace.at / path) if path else "",
                line=line,
                message=case.message if case.message not in ("", "Failed") else self._why(case),
                trace=case.output if case.status == "failed" else "",
            )
        first = _ERROR.match(self.errors[0]) if self.errors else None
        if first and not data:
            collector.end(
                "build",
                "error",
                path=first[1] or first[4],
                line=int(first[2] or first[5]),
                message=first[3] or "CMake cannot configure the project",
                trace="\n".join(self.errors),
                collecting=True,
            )


CTEST = Ctest()
