"""Any command: all that is known of it is its exit code."""

from collections.abc import Sequence

from kimi_tools.errors import BadArguments
from kimi_tools.process import Finished
from kimi_tools.testrun.collector import Collector
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
        """The command as it is. Raises `BadArguments` for a selection, which it cannot be given."""
        if job.selection:
            raise BadArguments(
                "This command names no test runner that is known here, so it cannot be told which tests to run; "
                "write the selection into command= itself."
            )
        name = job.suite.command[-1]

        def conclude(finished: Finished, collector: Collector) -> None:
            if finished.timed_out or finished.stopped:
                collector.start(name)
                return
            status = "passed" if finished.exit_code == 0 else "failed"
            message = f"exit code {finished.exit_code}; what it tested is not known"
            collector.end(name, status, seconds=finished.seconds, message=message)

        return Plan(argv=job.suite.command, on_exit=conclude)

    def owns(self, name: str) -> bool:
        """It has no ids."""
        return False


COMMAND = Command()
