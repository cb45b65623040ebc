"""Vitest."""

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


class Vitest:
    """The runner."""

    name = "vitest"
    suffixes = SUFFIXES
    path_ids = True

    def find(self, tree: Tree) -> Sequence[Suite]:
        """Packages whose test script starts vitest, or which depend on it."""
        return package_suites(tree, self.name)

    async def plan(self, job: Job) -> Plan:
        """The project's words, run once instead of watching, with our reporter beside the usual one."""
        words = [
            w for w in words_for(job, "vitest", ["vitest"]) if w not in ("watch", "dev", "-w", "--watch")
        ]
        if "run" not in words:
            words.insert(words.index("vitest") + 1 if "vitest" in words else len(words), "run")
        selection = job.selection
        files, names = split_ids(selection.ids)
        argv = [
            *(word for word in words if not word.startswith("--coverage")),
            "--includeTaskLocation",
            "--reporter=default",
            f"--reporter={put_reporter(job, 'kimi_mcp_vitest.mjs')}",
        ]
        environment = node_environment(job)
        if names or selection.parts:
            pattern = environment["KIMI_MCP_PATTERN"] = name_pattern(names, selection.parts)
            argv.append(f"--testNamePattern={pattern}")
        return Plan([*argv, *selection.paths, *files], environment, announces_end=True)

    def owns(self, name: str) -> bool:
        """`path::suite > test`."""
        return owns_id(name)


VITEST = Vitest()
