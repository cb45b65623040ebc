"""A fix in a private copy: it holds what the user has not saved, comes back into it, and the talk about it goes on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.kimi_api import Call, KimiApi, Turn
from tests.kimi_api.turns import Request
from tests.kimi_mcp.acp.editor import FS, Editor, MakeRepository, agent, run, say, told
from tests.kimi_mcp.agent.conftest import BUGGY, REPRODUCE

pytestmark = pytest.mark.timeout(300)

READ = Call("read_file", {"path": "calc.py"})
SUBMIT = Turn(calls=(Call("submit", {"summary": "It adds now."}),))
FIX = [
    Turn(calls=(Call("reproduce", {"command": REPRODUCE}),)),
    Turn(calls=(Call("edit_file", {"path": "calc.py", "old": "a - b", "new": "a + b"}),)),
    Turn(calls=(Call("reproduce", {"command": REPRODUCE}),)),
    Turn(calls=(Call("run_tests"),)),
    SUBMIT,
]
NONE = Turn(
    calls=(Call("edit_file", {"path": "calc.py", "old": "return a + b", "new": "return (a or 0) + b"}),)
)


def script(*turns: Turn) -> Callable[[Request], Turn]:
    """The turns in order; a submission that is sent back is made again."""
    left = list(turns)

    def answer(request: Request) -> Turn:
        last = request.body["messages"][-1]
        again = last["role"] == "tool" and str(last["content"]).startswith(
            ("Not taken yet", "Before it is taken")
        )
        return SUBMIT if again else left.pop(0)

    return answer


def conversation(
    root: Path, state: Path, editor: Editor, *said: Any, can: Any = FS, place: str = "copy"
) -> Any:
    """A session whose fixes are made in a copy; what is said may be a function that the user does in between."""

    async def main(url: str) -> list[str]:
        reasons: list[str] = []
        async with agent(editor, state, url, can) as connection:
            name = (await connection.new_session(cwd=str(root), mcp_servers=[])).session_id
            await connection.set_config_option(session_id=name, config_id="place", value=place)
            for words in said:
                reasons.append(
                    await say(connection, name, words) if isinstance(words, str) else words() or ""
                )
        return reasons

    return main


def patches(editor: Editor) -> list[dict[str, Any]]:
    """What was told for review at the end of each run: path to text behind it."""
    found = [u.field_meta["kimi-mcp"] for u in editor.of("session_info_update") if u.field_meta]
    return [{file["path"]: file.get("after") for file in told["files"]} for told in found]


def before(editor: Editor) -> list[str]:
    """The text of calc.py that the last patch begins from."""
    found = [u.field_meta["kimi-mcp"] for u in editor.of("session_info_update") if u.field_meta]
    return [file["before"] for file in found[-1]["files"] if file["path"] == "calc.py"]


def asked(api: KimiApi) -> str:
    """All that the last request holds."""
    return str(api.requests[-1].body["messages"])


def test_the_copy_holds_unsaved_text_and_the_patch_is_merged_into_what_was_typed_since(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(BUGGY)
    editor, path = Editor(), root / "calc.py"
    disk = path.read_text()
    unsaved, since = f"# typed before\n{disk}", f"# typed before\n{disk}\n\n# typed since\n"
    editor.buffers[str(path)] = unsaved
    applied: list[str] = []

    def type_more() -> None:
        assert path.read_text() == disk, "nothing of the user's is touched before it is asked for"
        editor.buffers[str(path)] = since

    main = conversation(
        root,
        tmp_path / "state",
        editor,
        "/fix add in calc.py subtracts",
        type_more,
        "/apply",
        lambda: applied.append(path.read_text()),
        "/undo",
    )
    look = [Turn(calls=(READ,)), Turn(calls=(Call("run_command", {"command": "cat calc.py"}),))]
    with KimiApi(script(*look, *FIX)) as api:
        run(main(api.url))
        read, printed = next(told(request) for request in api.requests if len(told(request)) == 2)
    assert "# typed before" in read and "# typed before" in printed
    assert patches(editor) == [{"calc.py": unsaved.replace("a - b", "a + b")}]
    assert before(editor) == [unsaved], "what the user typed is not part of the patch"
    assert applied == [since.replace("a - b", "a + b")]
    assert "In your files now: calc.py" in editor.text("agent_message_chunk")
    assert path.read_text() == since, "what the user typed stays when the fix is taken back"


def test_unsaved_text_that_came_to_light_too_late_for_the_copy_is_named(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository({**BUGGY, "other.py": "X = 1\n"})
    editor = Editor()
    editor.buffers[str(root / "other.py")] = "X = 2\n"
    look = Turn(calls=(Call("read_file", {"path": "other.py"}), READ))
    main = conversation(root, tmp_path / "state", editor, "/fix add subtracts")
    with KimiApi(script(look, *FIX)) as api:
        run(main(api.url))
        other, calc = told(api.requests[1])
    assert "X = 1" in other and "Unsaved in the editor, and not in this private copy: other.py" in other
    assert "Unsaved" not in calc


def test_a_message_behind_a_submitted_fix_goes_on_with_the_conversation(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(BUGGY)
    editor = Editor()
    disk = (root / "calc.py").read_text()
    main = conversation(
        root, tmp_path / "state", editor, "/fix add subtracts", "Also handle None.", "And now?", "/cost"
    )
    with KimiApi(script(*FIX, NONE, Turn(text="None counts as 0."), Turn(text="Nothing more."))) as api:
        assert run(main(api.url)) == ["end_turn"] * 4
        talk = asked(api)
    assert all(words in talk for words in ("add subtracts", "It adds now.", "Also handle None.", "And now?"))
    both = disk.replace("return a - b", "return (a or 0) + b")
    assert [patch["calc.py"] for patch in patches(editor)] == [
        disk.replace("a - b", "a + b"),
        both,
        both,
    ]
    assert before(editor) == [disk]
    assert (root / "calc.py").read_text() == disk
    assert not list((tmp_path / "state").glob("runs/*/place")), "copies do not stay"


def test_what_the_user_took_or_changed_in_between_is_where_the_next_patch_begins(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(BUGGY)
    editor, path = Editor(), root / "calc.py"
    disk = path.read_text()
    accepted = disk.replace("a - b", "a + b")
    main = conversation(
        root,
        tmp_path / "state",
        editor,
        "/fix add subtracts",
        lambda: path.write_text(f"{accepted}\n# mine\n") and None,
        "Also handle None.",
    )
    with KimiApi(script(*FIX, NONE, Turn(text="None counts as 0."))) as api:
        run(main(api.url))
        talk = asked(api)
    assert "# mine" in before(editor)[0] and "a + b" in before(editor)[0]
    assert "(a or 0)" in patches(editor)[-1]["calc.py"] and "# mine" in patches(editor)[-1]["calc.py"]
    assert "theirs stand" not in talk


def test_changes_that_meet_are_the_users_and_the_model_is_told(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(BUGGY)
    editor, path = Editor(), root / "calc.py"
    mine = path.read_text().replace("a - b", "sum((a, b))")
    main = conversation(
        root,
        tmp_path / "state",
        editor,
        "/fix add subtracts",
        lambda: path.write_text(mine) and None,
        "Is it good now?",
    )
    with KimiApi(script(*FIX, Turn(calls=(READ,)), Turn(text="Yes."))) as api:
        run(main(api.url))
        talk = asked(api)
        read = told(api.requests[-1])[-1]
    assert "changed the same lines of calc.py" in talk
    assert "sum((a, b))" in read
    assert patches(editor)[-1] == {}


def test_a_message_behind_a_fix_in_the_users_own_files_sees_what_was_said_and_what_was_typed_since(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(BUGGY)
    editor, path = Editor(), root / "calc.py"
    fixed = path.read_text().replace("a - b", "a + b")

    def goes_on() -> None:
        assert path.read_text() == fixed
        path.write_text(f"{fixed}# saved since\n")
        editor.buffers[str(path)] = f"{fixed}# saved since\n# typed since\n"

    said = ("/fix add subtracts", goes_on, "Also handle None.")
    main = conversation(root, tmp_path / "state", editor, *said, place="tree")
    with KimiApi(script(*FIX, Turn(calls=(READ,)), NONE, Turn(text="None counts as 0."))) as api:
        run(main(api.url))
        talk, read = asked(api), told(api.requests[-1])[-2]
    assert all(words in talk for words in ("add subtracts", "It adds now.", "Also handle None."))
    assert "not saved yet" in read and "# typed since" in read
    assert path.read_text() == fixed.replace("return a + b", "return (a or 0) + b") + (
        "# saved since\n# typed since\n"
    ), "the edit is made in what the user has typed"
