"""The report as a page: right counts, one file, nothing of a stranger's text taken for markup."""

import re
from html.parser import HTMLParser

from kimi_mcp.cli.batch_table import counts
from kimi_mcp.swebench.jobs import Ended
from kimi_mcp.swebench.page import page
from kimi_mcp.swebench.report import Row, summary
from kimi_mcp.swebench.tally import Tally

ROWS = [
    Row("django__django-1", "resolved", 61.0, 0.5, 12, ""),
    Row("django__django-2", "not resolved", 30.0, 0.25, 9, "1 still failing (<script>alert(1)</script>)"),
    Row("sympy__sympy-1", "timed out", 3700.0, None, None, "it did not end within 3600 s"),
]


class Words(HTMLParser):
    """The page's words as they are read, and its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(text: str) -> Words:
    words = Words()
    words.feed(text)
    return words


def test_a_page_tells_each_state_its_share_the_cost_and_what_is_not_done() -> None:
    told = " ".join(read(page("Run", ROWS, 5)).words)
    for part in ("resolved 1  33%", "not resolved 1  33%", "timed out 1  33%", "not done 2", "cost $0.75"):
        assert part in told
    assert "django 1 of 2" in told
    assert "sympy 0 of 1" in told
    assert "1:01 min 12 $0.500" in told
    assert "1 h 02 min" in told, "61 minutes and 40 seconds"


def test_a_cost_that_is_not_known_is_told_as_such() -> None:
    tally = Tally(3)
    for name, cost, unpriced in (("a", 0.0, True), ("b", 0.5, False), ("c", 0.25, True)):
        facts = {"outcome": "submitted", "cost": cost, "unpriced": unpriced}
        tally.add(Ended(name, "done", 1.0, facts=facts))
    rows = list(tally.rows.values())
    assert [row.money for row in rows] == ["not known", "$0.500", "over $0.250"]
    assert summary(rows, 3).endswith("; over $0.75 (2 of unknown cost)")
    assert summary(rows[:1], 3).endswith("; cost unknown")
    assert "over $0.75 (2 of unknown cost)" in counts(tally).plain
    assert "cost over $0.75" in " ".join(read(page("Run", rows, 3)).words)
    words = " ".join(read(page("Run", rows[:1], 3)).words)
    assert "cost unknown" in words
    assert "$" not in words
    assert "$" not in summary([Row("a", "sound", 1.0, None, None, "")], 1)


def test_states_stand_in_one_order_from_good_to_bad_wherever_they_are_told() -> None:
    order = ["resolved", "submitted", "not resolved", "crashed", "timed out"]
    facts = {
        "resolved": {"resolved": True},
        "submitted": {"outcome": "submitted"},
        "not resolved": {"resolved": False},
    }
    tally = Tally(9)
    for state in reversed(order):
        status = "done" if state in facts else state.replace(" ", "_")
        tally.add(Ended(f"ada__engine-{state}", status, 1.0, facts=facts.get(state, {})))
    rows = list(tally.rows.values())
    together = ", ".join(f"1 {state}" for state in order)
    assert f"instances: {together};" in summary(rows, 9)
    assert "  ".join(together.split(", ")) in counts(tally).plain
    words = read(page("Run", rows, 9)).words
    tiles = [word for word in words if word in order][: len(order)]
    assert tiles == order


def test_the_plot_of_costs_leaves_out_those_that_are_not_known() -> None:
    def plotted(rows: list[Row]) -> str:
        return " ".join(read(page("Run", rows, 3)).words).partition("Cost per instance")[2]

    unknown = Row("ada__engine-1", "failed", 1.0, 0.0, None, "", unpriced=True)
    known = [Row(f"ada__engine-{n}", "resolved", 1.0, 0.5, 3, "") for n in (2, 3)]
    assert plotted([unknown]) == ""
    assert plotted([unknown, *known]).strip().startswith("(up to 2 in a bar)")


def test_an_instance_of_pro_belongs_to_its_owner() -> None:
    row = Row("instance_NodeBB__NodeBB-00c7-vnan", "resolved", 1.0, None, None, "")
    assert "NodeBB 1 of 1" in " ".join(read(page("Run", [row], 1)).words)


def test_a_page_is_one_file_without_scripts_whatever_the_notes_hold() -> None:
    text = page("Run <b>", ROWS, 3)
    words = read(text)
    assert words.tags.isdisjoint({"script", "b", "link", "img", "iframe"})
    assert "1 still failing (<script>alert(1)</script>)" in words.words
    assert not re.search(r"https?://|url\(|@import", text)


def test_a_page_of_nothing_is_a_page() -> None:
    assert "not done 3" in " ".join(read(page("Run", [], 3)).words)
