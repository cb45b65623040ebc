"""Maven Surefire, and Failsafe where the build runs it: results from their XML reports."""

import re
from collections.abc import Sequence

from kimi_tools.testrun import jvm
from kimi_tools.testrun.collector import Collector
from kimi_tools.testrun.suite import Job, Plan, Suite
from kimi_tools.testrun.tree import Tree, join, parent

_RUNNING = re.compile(r"^\[INFO\] Running (\S+)")


class Maven:
    """The runner. Its ids are `package.Class#method`."""

    name = "maven"
    suffixes = jvm.SUFFIXES
    path_ids = False

    def find(self, tree: Tree) -> Sequence[Suite]:
        """Outermost projects with tests."""
        folders: list[str] = []
        for path in tree.named("pom.xml", depth=3):
            folder = parent(path)
            if not any(outer == "." or folder.startswith(f"{outer}/") for outer in folders):
                folders.append(folder)
        return [
            Suite(self.name, folder, join(folder, "pom.xml"), size=size)
            for folder in folders
            if (size := len(tree.below(folder, *jvm.TEST_FILES)))
        ]

    async def plan(self, job: Job) -> Plan:
        """`mvn test` by the project's wrapper where it has one, going on after a module with failures."""
        suite = job.suite
        words = list(suite.command)
        if not words:
            wrapper = job.workspace.exists(join(suite.folder, "mvnw"))
            words = ["./mvnw" if wrapper else job.workspace.program("mvn"), "test"]
        argv = [*words, "-B", "-ntp", "-Dstyle.color=never", "--fail-at-end", *_selected(job)]
        if jvm.offline(job):
            argv.append("-o")
        reader = Reader(job)
        return Plan(argv, on_line=reader.line, at_end=reader.end)

    def owns(self, name: str) -> bool:
        """`package.Class#method`."""
        return jvm.owns_id(name)


def _selected(job: Job) -> list[str]:
    suite, selection = job.suite, job.selection
    patterns = [re.sub(r"\[.*|\{.*|\(.*", "", id) for id in selection.ids]
    patterns += [f"*#*{part}*" for part in selection.parts] + [f"*{part}*" for part in selection.parts]
    modules: list[str] = []
    for path in (suite.inside(path) for path in selection.paths):
        if path.endswith(jvm.SUFFIXES):
            patterns.append(jvm.class_of(path))
        module = jvm.module_folder(job, path, ["pom.xml"])
        if module != ".":
            modules.append(module)
        if not path.endswith(jvm.SUFFIXES) and "src/test/" in f"{path}/" and path.partition("src/test/")[2]:
            patterns.append(f"{path.partition('src/test/')[2].partition('/')[2]}/**")
    words = [f"-Dtest={','.join(dict.fromkeys(patterns))}"] if patterns else []
    if patterns:
        words += ["-DfailIfNoTests=false", "-Dsurefire.failIfNoSpecifiedTests=false"]
    return [*words, *(["-pl", ",".join(dict.fromkeys(modules)), "-am"] if modules else [])]


class Reader:
    """Reads one run: its output for progress and compiler errors, its reports for results."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.tree = Tree(job.workspace)
        self.errors: list[str] = []
        self.before = jvm.report_stamps(job, self._folders())

    def _folders(self) -> list[str]:
        poms = self.tree.below(self.job.suite.folder, "pom.xml")
        kinds = ("surefire-reports", "failsafe-reports")
        return [join(parent(pom), f"target/{kind}") for pom in poms for kind in kinds]

    def line(self, line: str, collector: Collector) -> None:
        """One line of output."""
        if match := _RUNNING.match(line):
            collector.say(match[1])
        elif line.startswith("[ERROR]") and len(self.errors) < 200:
            self.errors.append(line)

    def end(self, collector: Collector) -> None:
        """The reports that this run wrote."""
        after = jvm.report_stamps(self.job, self._folders())
        fresh = [path for path, stamp in after.items() if self.before.get(path) != stamp]
        jvm.read_reports(self.job, fresh, jvm.Sources(self.tree), collector)
        if any("COMPILATION ERROR" in line or "Compilation failure" in line for line in self.errors):
            jvm.compiler_error(self.errors, collector)
        elif crash := next((line for line in self.errors if "The forked VM terminated" in line), ""):
            collector.crash = crash.removeprefix("[ERROR]").strip()


MAVEN = Maven()
