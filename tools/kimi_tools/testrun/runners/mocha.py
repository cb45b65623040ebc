"""Mocha."""

import json
from collections.abc import Sequence

from kimi_tools.testrun.node_env import (
    SUFFIXES,
    node_environment,
    owns_id,
    package_suites,
    put_reporter,
    words_for,
)
from kimi_tools.testrun.suite import Job, Plan, Suite
from kimi_tools.testrun.tree import Tree


class Mocha:
    """The runner."""

    name = "mocha"
    suffixes = SUFFIXES
    path_ids = True

    def find(self, tree: Tree) -> Sequence[Suite]:
        """Packages whose test script starts mocha, or which depend on it."""
        return package_suites(tree, self.name)

    async def plan(self, job: Job) -> Plan:
        """The project's words with our reporter, which also keeps only the chosen tests."""
        words = [word for word in words_for(job, "mocha", ["mocha"]) if word not in ("-w", "--watch")]
        selection = job.selection
        environment = node_environment(job)
        paths = [path for path in selection.paths if path.endswith(SUFFIXES)]
        if selection:
            chosen = {"paths": selection.paths, "ids": selection.ids, "parts": selection.parts}
            environment["KIMI_MCP_SELECT"] = json.dumps(chosen)
        argv = [*words, "--no-color", "--reporter", put_reporter(job, "kimi_mcp_mocha.cjs"), *paths]
        return Plan(argv, environment, announces_end=True)

    def owns(self, name: str) -> bool:
        """`path::suite > test`."""
        return owns_id(name)


MOCHA = Mocha()
