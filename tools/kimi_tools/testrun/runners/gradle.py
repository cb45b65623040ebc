"""Gradle, told by an init script."""

from collections.abc import Sequence
from pathlib import Path

from kimi_tools.testrun import jvm
from kimi_tools.testrun.collector import Collector
from kimi_tools.testrun.reporter import place
from kimi_tools.testrun.suite import EVENTS, Job, Plan, Suite
from kimi_tools.testrun.tree import Tree, join, parent

_FILES = ("settings.gradle", "settings.gradle.kts", "build.gradle", "build.gradle.kts")


class Gradle:
    """The runner. Its ids are `package.Class#method`."""

    name = "gradle"
    suffixes = jvm.SUFFIXES
    path_ids = False

    def find(self, tree: Tree) -> Sequence[Suite]:
        """Outermost builds with tests."""
        found: dict[str, str] = {}
        for path in tree.named(*_FILES, depth=3):
            folder = parent(path)
            if not any(outer in (".", folder) or folder.startswith(f"{outer}/") for outer in found):
                found[folder] = path
        return [
            Suite(self.name, folder, why, size=size)
            for folder, why in found.items()
            if (size := len(tree.below(folder, *jvm.TEST_FILES)))
        ]

    async def plan(self, job: Job) -> Plan:
        """`gradle test` by the project's wrapper where it has one, every module even when one fails."""
        suite = job.suite
        words = list(suite.command)
        if not words:
            wrapper = job.workspace.exists(join(suite.folder, "gradlew"))
            words = ["./gradlew" if wrapper else job.workspace.program("gradle")]
        tasks = [word for word in words[1:] if not word.startswith("-")] or _tasks(job)
        argv = [
            words[0],
            *tasks,
            *_filters(job),
            *("--continue", "--console=plain", "--no-daemon"),
            *("--init-script", str(place("kimi_mcp.gradle", job.scratch))),
            *("--project-cache-dir", str(job.scratch / "gradle")),
            *(["--offline"] if jvm.offline(job) else []),
        ]
        reader = Reader(job)
        return Plan(argv, _environment(job), on_line=reader.line, at_end=reader.end)

    def owns(self, name: str) -> bool:
        """`package.Class#method`."""
        return jvm.owns_id(name)


def _environment(job: Job) -> dict[str, str]:
    """Where events go; in a sandbox Gradle's own home is read-only, so it gets another that reads from it."""
    environment = {"KIMI_MCP_EVENTS": str(job.scratch / EVENTS)}
    if jvm.offline(job):
        home = job.cache / "gradle"
        home.mkdir(exist_ok=True)
        real = Path.home() / ".gradle"
        if not (home / "wrapper").is_symlink():
            (home / "wrapper").symlink_to(real / "wrapper")
        environment |= {
            "GRADLE_USER_HOME": str(home),
            "GRADLE_RO_DEP_CACHE": str(real / "caches"),
            # Java 17 looks for its control group where a sandbox has none, and fails (CgroupUtil's
            # NullPointerException, measured under bubblewrap with control groups v1).
            "GRADLE_OPTS": "-XX:-UseContainerSupport",
        }
    return environment


def _tasks(job: Job) -> list[str]:
    folders = [jvm.module_folder(job, job.suite.inside(path), _FILES) for path in job.selection.paths]
    return [
        "test" if folder == "." else f":{folder.replace('/', ':')}:test" for folder in dict.fromkeys(folders)
    ] or ["test"]


def _filters(job: Job) -> list[str]:
    patterns = [id.replace("#", ".").partition("(")[0].partition("[")[0] for id in job.selection.ids]
    patterns += [f"*{part}*" for part in job.selection.parts]
    patterns += [jvm.class_of(path) for path in job.selection.paths if path.endswith(jvm.SUFFIXES)]
    return [word for pattern in dict.fromkeys(patterns) for word in ("--tests", pattern)]


class Reader:
    """Adds source files to the results, and compiler errors."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.errors: list[str] = []

    def line(self, line: str, collector: Collector) -> None:
        """One line of output."""
        if line.startswith("> Task"):
            collector.say(line.removeprefix("> "))
        elif ": error:" in line or line.startswith("e: "):
            self.errors.append(line)

    def end(self, collector: Collector) -> None:
        """Where each class is."""
        sources = jvm.Sources(Tree(self.job.workspace))
        for id, case in list(collector.cases.items()):
            path = sources.path(id.partition("#")[0])
            line = jvm.line_in(case.trace, path)
            collector.cases[id] = case.model_copy(update={"path": path, "line": line})
        jvm.compiler_error(self.errors, collector)


GRADLE = Gradle()
