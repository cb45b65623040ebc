"""The agent as tools, on real processes and a real endpoint."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from kimi_mcp.agent.events import Budget
from kimi_mcp.model.errors import KeyRefused
from kimi_mcp.runs.folder import every
from kimi_mcp.runs.request import Request
from kimi_mcp.runs.tools import Desk, RunFacts, resolve_tools
from kimi_tools.errors import NotFound, TextNotFound, Unavailable
from kimi_tools.progress import Progress, reporting_to
from kimi_tools.tool import Result, Tool
from kimi_tools.workspace import Workspace
from tests.kimi_api import KimiApi
from tests.kimi_mcp.agent.conftest import BUGGY, FIX
from tests.kimi_mcp.runs.test_detached import TURNS, by_history, turn

MakeWorkspace = Callable[[dict[str, str | bytes]], Workspace]


class Client:
    """Calls the tools on one workspace."""

    def __init__(self, workspace: Workspace, state: Path, api: KimiApi) -> None:
        self.workspace = workspace
        self.state = state
        self.reports: list[Progress] = []

        def order(issue: str, mode: str, root: Path, budget: Budget) -> Request:
            given = {"host": api.url, "model": "kimi-k2.6", "no_sandbox": True, "budget": budget}
            return Request.model_validate({"issue": issue, "mode": mode, "root": root, **given})

        tools = resolve_tools(Desk(state, order, lambda _: SecretStr("sk-kimi-0123456789abcdef01")))
        self.tools: dict[str, Tool] = {tool.name: tool for tool in tools}

    async def call(self, name: str, **arguments: object) -> Result:
        with reporting_to(self.reports.append):
            return await self.tools[name](self.workspace, arguments)


@pytest.fixture
def client(make_workspace: MakeWorkspace, tmp_path: Path) -> Iterator[Callable[[KimiApi], Client]]:
    def make(api: KimiApi) -> Client:
        return Client(make_workspace(BUGGY), tmp_path / "runs", api)

    yield make


def facts(result: Result) -> RunFacts:
    assert isinstance(result.data, RunFacts)
    return result.data


def test_an_issue_is_resolved_reported_and_its_patch_applied(client: Callable[[KimiApi], Client]) -> None:
    with KimiApi(by_history(TURNS)) as api:
        with_tools = client(api)

        async def scenario() -> None:
            done = await with_tools.call("resolve_issue", issue="add is wrong")
            assert facts(done).status == "submitted", done.text
            assert facts(done).verified
            assert "+    return a + b" in done.text
            assert with_tools.reports
            assert (with_tools.workspace.root / "calc.py").read_text() == BUGGY["calc.py"]
            applied = await with_tools.call("resolve_apply", run=facts(done).run)
            assert applied.text == "Applied to 1 files: calc.py."
            assert "a + b" in (with_tools.workspace.root / "calc.py").read_text()
            with pytest.raises(TextNotFound, match="seems to be applied"):
                await with_tools.call("resolve_apply")

        asyncio.run(scenario())


def test_a_started_run_is_looked_at_cancelled_and_keeps_its_patch(
    client: Callable[[KimiApi], Client],
) -> None:
    hanging = [turn("reproduce", command=FIX), turn("run_command", command="sleep 99")]
    with KimiApi(by_history(hanging)) as api:
        with_tools = client(api)

        async def scenario() -> None:
            run = facts(await with_tools.call("resolve_start", issue="add is wrong", max_minutes=5)).run
            while facts(seen := await with_tools.call("resolve_status", run=run, wait=1)).steps < 2:
                assert facts(seen).status == "at work", seen.text
            done = await with_tools.call("resolve_cancel", run=run)
            assert facts(done).status == "cancelled", done.text
            assert "a + b" in facts(done).patch

        asyncio.run(scenario())


def test_what_cannot_be_done_is_a_sentence(make_workspace: MakeWorkspace, tmp_path: Path) -> None:
    def refuse(_: str) -> SecretStr | None:
        raise KeyRefused("There is no key for api.moonshot.ai.")

    def order(issue: str, mode: str, root: Path, budget: Budget) -> Request:
        return Request(issue=issue, root=root)

    tools = {tool.name: tool for tool in resolve_tools(Desk(tmp_path, order, refuse))}
    workspace = make_workspace(BUGGY)
    with pytest.raises(Unavailable, match="There is no key"):
        asyncio.run(tools["resolve_start"](workspace, {"issue": "x"}))
    with pytest.raises(NotFound, match="There is no run"):
        asyncio.run(tools["resolve_status"](workspace, {"run": "x"}))
    assert every(tmp_path) == []
