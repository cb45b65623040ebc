"""Jest, also behind react-scripts."""

from collections.abc import Sequence

from kimi_tools.testrun.node_env import (
    SUFFIXES,
    name_pattern,
    node_environment,
    owns_id,
    package_suites,
    put_reporter,
    split_ids,
    words_for,
)
from kimi_tools.testrun.suite import Job, Plan, Suite
from kimi_tools.testrun.tree import Tree


class Jest:
    """The runner."""

    name = "jest"
    suffixes = SUFFIXES
    path_ids = True

    def find(self, tree: Tree) -> Sequence[Suite]:
        """Packages whose test script starts jest, or which depend on it."""
        return package_suites(tree, self.name)

    async def plan(self, job: Job) -> Plan:
        """The project's words with our reporter beside the usual one; nothing watched, no snapshot written."""
        words = words_for(job, "jest", ["jest"])
        selection = job.selection
        files, names = split_ids(selection.ids)
        argv = [
            *(word for word in words if not word.startswith(("--watch", "--coverage", "--collectCoverage"))),
            "--ci",
            "--watchAll=false",
            "--coverage=false",
            "--testLocationInResults",
            f"--cacheDirectory={job.cache / 'jest'}",
            "--reporters=default",
            f"--reporters={put_reporter(job, 'kimi_mcp_jest.cjs')}",
        ]
        environment = node_environment(job)
        if names or selection.parts:
            pattern = environment["KIMI_MCP_PATTERN"] = name_pattern(names, selection.parts)
            argv.append(f"--testNamePattern={pattern}")
        paths = [*selection.paths, *files]
        if paths and all(path.endswith(SUFFIXES) for path in paths):
            argv.append("--runTestsByPath")
        return Plan([*argv, *paths], environment, announces_end=True)

    def owns(self, name: str) -> bool:
        """`path::suite > test`."""
        return owns_id(name)


JEST = Jest()
