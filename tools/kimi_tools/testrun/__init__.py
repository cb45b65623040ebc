"""Running a repository's own tests, whatever they are written with.

`execute` gives the facts to programs; the tools `run_tests` and `find_tests` give them to a model.
"""

from kimi_tools.testrun import history
from kimi_tools.testrun.execute import Only, Request, execute
from kimi_tools.testrun.find import find_tests
from kimi_tools.testrun.render import headline, render
from kimi_tools.testrun.report import CaseResult, Comparison, Status, TestReport, Verdict, compare
from kimi_tools.tool import Param, Params, Result, tool
from kimi_tools.workspace import Workspace

__all__ = [
    "CaseResult",
    "Comparison",
    "Request",
    "Status",
    "TestReport",
    "Verdict",
    "compare",
    "execute",
    "find_tests",
    "headline",
    "run_tests",
]


class RunTestsParams(Params):
    paths: list[str] = Param("Test files or folders", default=[])
    names: list[str] = Param("Test ids or parts of names", default=[])
    only: Only = Param("Narrow to", default="all")
    timeout: int = Param("Seconds", default=600, ge=1, le=7200)
    compare: str = Param("Earlier run to compare with", default="")
    command: str = Param("Instead of the project's own", default="")
    run: str = Param("Show this earlier run, run nothing", default="")
    offset: int = Param("Failures to skip", default=0, ge=0)


@tool(
    "Run tests",
    "Run the project's tests with its own runner, found by itself; results by test id, failures first.",
    toolset="test",
    effect="executes",
)
async def run_tests(workspace: Workspace, params: RunTestsParams) -> Result:
    if params.run:
        report = history.load(workspace, params.run)
    else:
        report = await execute(
            workspace,
            Request(params.paths, params.names, params.only, params.timeout, params.compare, params.command),
        )
    return Result(render(report, limit=workspace.result_chars, offset=params.offset), report)
