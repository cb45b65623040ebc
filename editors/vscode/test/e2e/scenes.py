"""What the simulated endpoint answers in our run: one scene for each issue, found by words of the issue."""

from collections.abc import Iterator

from tests.kimi_api.turns import Call, Turn

REPRODUCE = 'python3 -c "import shop; assert shop.shipping(5000) == 0, shop.shipping(5000)"'
STEPS = (
    "Reproduce: shipping of exactly 50.00",
    "Find the comparison",
    "Smallest fix",
    "Tests around it",
    "Submit",
)
SUMMARY = (
    "`shipping()` charged an order of exactly 50.00, because it compared with `>` where its own docstring says "
    "'from 50.00 on'. It compares with `>=` now."
)
FIX = {"path": "shop.py", "old": "total > 5000", "new": "total >= 5000"}
STARTS = ("It is about shop.py", "at its cause", "The test test_", "fails with exit code")
HOSTILE = (
    "# Heading <img src=x onerror=alert(1)>\n\nRaw <script>document.title='owned'</script>, "
    "[a command](command:workbench.action.closeWindow), [a page](javascript:alert(1)), "
    "![a picture](https://example.org/x.png).\n\n- **bold** and `code`\n- *italic*\n  1. nested\n\n> quoted\n\n"
    "```python\nprint('<b>not bold</b>')\n```\n\n| a | b |\n| - | - |\n| 1 | <i>2</i> |\n\n"
    "Turned: \u202egnp.exe\u202c, hidden: a\u200bb, coloured: \u001b[31mred\u001b[0m.\n\n" + "x" * 6000
)
MAKE_FILES = (
    "rm ISSUE.md && mv prices.js cost.js && python3 -c \"open('dot.bin', 'wb').write(bytes([0, 255, 10]))\""
)


def turn(*calls: Call, thought: str = "", **more: object) -> Turn:
    """One answer with calls."""
    return Turn(reasoning=thought, calls=calls, **more)  # pyright: ignore[reportArgumentType]


def call(tool: str, **arguments: object) -> Call:
    """One call."""
    return Call(tool, arguments)


def submit(summary: str) -> Turn:
    """The end of a run."""
    return turn(call("submit", summary=summary))


def plan(done: int) -> Call:
    """The plan with its first steps done."""
    marks = ["x" if index < done else ">" if index == done else " " for index in range(len(STEPS))]
    lines = [f"[{mark}] {step}" for mark, step in zip(marks, STEPS, strict=True)]
    return call("update_plan", plan="\n".join(lines))


def shipping() -> Iterator[Turn]:
    """The issue as a model would go about it, slow enough to watch."""
    reproduce = call("reproduce", command=REPRODUCE)
    thought = (
        "The issue is about shipping() at exactly 50.00. I will reproduce it first, then look at the comparison. "
        "The docstring says free from 50.00 on, so equality matters."
    )
    yield turn(plan(0), call("search_text", pattern="shipping"), thought=thought, drip=0.05)
    read = call("read_file", path="shop.py")
    yield turn(
        read, reproduce, thought="One definition and one caller. Let me read and reproduce.", drip=0.05
    )
    yield turn(
        call("run_tests"),
        thought="It fails as reported: 490 instead of 0. The tests before any change:",
        drip=0.05,
    )
    thought = "Two tests fail for this reason. The comparison must include the bound."
    yield turn(plan(2), call("edit_file", **FIX), thought=thought, drip=0.05)
    comment = {"path": "shop.py", "old": "    # every article on its own line\n", "new": ""}
    yield turn(call("edit_file", **comment), thought="The comment in lines() could go, too.", drip=0.05)
    yield turn(reproduce, call("run_tests"), thought="Now the reproduction and the tests again.", drip=0.05)
    yield turn(plan(5), call("submit", summary=SUMMARY), thought="All green.", drip=0.05)


def long_run() -> Iterator[Turn]:
    """Three hundred calls, and fifty thoughts of 1,400 characters."""
    words = (
        "It is worth looking at the next place before anything is changed: the callers decide what it means. "
    )
    for number in range(50):
        calls = [call("read_file", path="shop.py", start=1 + (number + index) % 20) for index in range(5)]
        calls.append(call("write_file", path=f"notes/{number}.txt", content=f"{number}\n"))
        yield turn(*calls, thought=f"Step {number}. {words * 14}", drip=0.002)
    yield submit("Three hundred calls.")


SCENES: dict[str, list[Turn]] = {
    "exactly 50.00": list(shipping()),
    # where runs start from: what reaches the endpoint counts
    **{words: [submit("Nothing was changed.")] for words in STARTS},
    "asks for leave": [
        turn(call("write_file", path=".vscode/tasks.json", content='{"version": "2.0.0"}\n')),
        turn(call("write_file", path=".envrc", content="export A=1\n")),
        turn(call("read_file", path=".env")),
        turn(call("read_file", path=".env")),
        submit("It asked three times."),
    ],
    "unsaved words": [
        turn(call("read_file", path="shop.py")),
        turn(call("edit_file", **FIX)),
        submit("It saw what was not saved."),
    ],
    "several kinds of files": [
        turn(
            call("write_file", path="added.txt", content="one\ntwo\n"),
            call("edit_file", **FIX),
            call("edit_file", path="shop.py", old="    # every article on its own line\n", new=""),
            call("edit_file", path="shop.py", old="Everything, with discount and shipping", new="All of it"),
            call("run_command", command=MAKE_FILES),
        ),
        submit("Added, changed, deleted, renamed, and one that is no text."),
    ],
    "a long run": list(long_run()),
    "waits for a command": [
        turn(call("edit_file", **FIX), thought="First the change, then something slow."),
        turn(call("run_command", command="sleep 600"), thought="This takes its time."),
    ],
    "where you were interrupted": [
        turn(call("read_file", path="shop.py"), thought="Going on."),
        Turn(text="It compares with >= now."),
    ],
    "hostile words": [
        turn(
            call(
                "run_command",
                command="printf '\\033[31mred\\033[0m <script>alert(1)</script> \\342\\200\\256turned\\n'; "
                "head -c 30000 /dev/zero | tr '\\0' y",
            ),
            thought="Thinking <b>bold</b> \u202eturned\u202c \u001b[31mred\u001b[0m.",
        ),
        Turn(text=HOSTILE, calls=(call("submit", summary=HOSTILE),)),
    ],
    "no credit left": [Turn(error="exceeded_current_quota_error")],
    "no answer": [Turn(delay=600)],
}
