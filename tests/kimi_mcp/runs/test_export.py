"""A recorded run in other formats: complete, faithful, and safe to open."""

import html.parser
import json

import pytest

from kimi_mcp.agent import events as ev
from kimi_mcp.model.messages import Image
from kimi_mcp.runs.export import FORMATS
from tests.conftest import write_files
from tests.kimi_mcp.agent.conftest import BUGGY, FIX, REPRODUCE, Bench, shell
from tests.kimi_mcp.agent.script import calls

EVIL = "<script>alert(1)</script><img src=http://evil.example/x onerror=x>\u202e"


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[ev.Event]:
    root = tmp_path_factory.mktemp("repository")
    write_files(root, BUGGY)
    bench = Bench(root, tmp_path_factory.mktemp("state"))
    submit = calls(("submit", {"summary": f"add() subtracted. {EVIL}"}))
    return [
        event
        for event in bench.run(
            calls(("update_plan", {"plan": "[>] Fix it"}), text=EVIL),
            shell(REPRODUCE),
            calls(("run_command", {"command": FIX})),
            calls(("read_file", {"path": "calc.py"}), ("read_file", {"path": "nowhere"})),
            shell(REPRODUCE),
            shell(f"echo '{EVIL}'; false"),
            submit,
            submit,
            submit,
        )
        if ev.recorded(event)
    ]


def test_swe_agents_form_has_one_entry_per_step_and_the_patch(events: list[ev.Event]) -> None:
    document = json.loads(FORMATS["traj"][0]("run-1", events))
    assert set(document) == {"environment", "trajectory", "history", "info"}
    assert len(document["trajectory"]) == document["info"]["model_stats"]["api_calls"] == 9
    assert "+    return a + b" in document["info"]["submission"]
    assert document["info"]["exit_status"] == "submitted"
    assert set(document["trajectory"][0]) >= {
        "action",
        "observation",
        "response",
        "thought",
        "execution_time",
    }


def test_minis_form_says_its_format_and_ends_with_the_exit(events: list[ev.Event]) -> None:
    document = json.loads(FORMATS["mini"][0]("run-1", events))
    assert document["trajectory_format"] == "mini-swe-agent-1.1"
    assert [m["role"] for m in document["messages"][:3]] == ["system", "user", "assistant"]
    assert document["messages"][-1]["extra"]["submission"] == document["info"]["submission"]
    called = [call["id"] for m in document["messages"] for call in m.get("tool_calls", [])]
    answered = [m["tool_call_id"] for m in document["messages"] if m["role"] == "tool"]
    assert called == answered


def test_atif_keeps_the_rules_that_harbor_checks(events: list[ev.Event]) -> None:
    """The rules of harbor's models; `test_real_readers` asks them themselves."""
    document = json.loads(FORMATS["atif"][0]("run-1", events))
    assert document["schema_version"] == "ATIF-v1.8"
    assert [step["step_id"] for step in document["steps"]] == list(range(1, len(document["steps"]) + 1))
    for step in document["steps"]:
        ids = {call["tool_call_id"] for call in step.get("tool_calls", [])}
        assert {
            result["source_call_id"] for result in step.get("observation", {"results": []})["results"]
        } <= ids
        if step["source"] != "agent":
            assert not {"metrics", "tool_calls", "reasoning_content"} & set(step)
    assert document["final_metrics"]["total_steps"] == len(document["steps"])


class Reader(html.parser.HTMLParser):
    """Collects what a browser would load or run, and checks that the tags are closed in order."""

    VOID = frozenset({"meta", "br", "img", "line", "circle", "polyline", "polygon"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.active: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "img", "iframe", "link", "object"):
            self.active.append(tag)
        self.active += [name for name, _ in attrs if name.startswith("on") or name == "src"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_page_is_whole_and_runs_nothing_of_strangers(events: list[ev.Event]) -> None:
    text = FORMATS["html"][0]("run-1", events)
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    assert reader.active == []
    assert "\u202e" not in text
    for shown in (
        "+    return a + b",
        "<details class='thought'>",
        "The reproduction",
        "<svg",
        "nowhere",
    ):
        assert shown in text, shown
    assert text.count("class='step'") == 9


def test_the_page_shows_the_issues_pictures_and_the_attempts(events: list[ev.Event]) -> None:
    said = next(event for event in events if isinstance(event, ev.Said))
    shown = said.model_copy(update={"images": (Image(b"\x89PNG", 'image/png"onload="x'),)})
    last = events[-1]
    assert isinstance(last, ev.Ended)
    attempt = ev.Attempted(number=1, outcome=last.outcome)
    text = FORMATS["html"][0]("run-1", [events[0], shown, attempt])
    assert (
        '<img alt="a picture of the issue" src="data:image/png&quot;onload=&quot;x;base64,iVBORw==">' in text
    )
    assert "<b>Attempt 1</b> <span>ended, not verified</span>" in text


@pytest.mark.parametrize("name", FORMATS)
def test_a_run_that_has_hardly_begun_is_exported_too(events: list[ev.Event], name: str) -> None:
    for count in (0, 1, 2, 5):
        assert FORMATS[name][0]("run-1", events[:count])
