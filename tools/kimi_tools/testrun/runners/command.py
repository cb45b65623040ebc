"""Any command: all that is known of it is its exit code."""

from collections.abc import Sequence

from kimi_tools.testrun.suite import Job, Plan, Suite
from kimi_tools.testrun.tree import Tree


class Command:
    """The runner for a command that names no test runner. It finds nothing by itself."""

    name = "command"
    suffixes = ()
    path_ids = False

    def find(self, tree: Tree) -> Sequence[Suite]:
        """Nothing: a command is always given."""
        return ()

    async def plan(self, job: Job) -> Plan:
        """The command as it is, with the selection as further arguments of the shell's command."""
        return Plan(argv=job.suite.command)

    def owns(self, name: str) -> bool:
        """It has no ids."""
        return False


COMMAND = Command()
