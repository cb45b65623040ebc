"""Estimated tokens against counts of a real tokenizer (Qwen's, from dashscope 2.0.2)."""

import pytest

from kimi_mcp.model.estimate import Meter, text_tokens
from kimi_mcp.model.messages import Assistant, System, Usage, User

COUNTED = {
    "这个函数在读取文件时会抛出异常，因为路径没有经过检查。"
    "请先写一个能重现问题的测试，然后做最小的修改，最后运行相关的测试。": 39,
    'def read_lines(path: Path, start: int = 1) -> list[str]:\n    """Return the numbered lines of a text '
    'file."""\n    with path.open(encoding="utf-8") as file:\n        return [f"{number}: {line}" for number, '
    "line in enumerate(file, start)]\n": 62,
    "The cache serves the longest prefix that an earlier request of the same key shares, so the history is only "
    "ever appended to, and what changes from call to call stands at the end.": 37,
    "ファイルを読み込むと例外が発生します。まず問題を再現するテストを書いてください。": 23,
    "Сегодня мы исправляем ошибку в программе, которая читает файлы построчно.": 22,
    '{"id": "LLM-131", "area": "llm", "setup": "endpoint returns rate limits", "expected": ["waits the header", '
    '"jittered backoff otherwise"]}': 44,
}


@pytest.mark.parametrize("text", COUNTED)
def test_a_text_of_any_script_is_estimated_within_a_quarter(text: str) -> None:
    assert text_tokens(text) == pytest.approx(COUNTED[text], rel=0.25)


def test_a_counted_prompt_leaves_only_its_tail_to_the_estimate() -> None:
    meter = Meter()
    history = [System("You fix bugs."), User("word " * 4000)]
    meter.learn(history, [], Usage(prompt=5000))
    assert meter.prompt(history, []) == 5000
    grown = [*history, Assistant("Done."), User("again " * 100)]
    assert 5000 < meter.prompt(grown, []) < 5300


def test_a_count_of_new_tokens_only_teaches_nothing() -> None:
    meter = Meter()
    history = (System("You fix bugs."), User("def f():\n    return 1\n" * 500))
    before = meter.prompt(history, ())
    meter.learn(history, (), Usage(prompt=40))
    assert meter.prompt(history, ()) == before


def test_another_history_is_estimated_with_what_the_count_taught() -> None:
    meter = Meter()
    history = [User("word " * 4000)]
    before = meter.prompt([User("word " * 2000)], [])
    meter.learn(history, [], Usage(prompt=round(meter.prompt(history, []) * 1.5)))
    assert meter.prompt([User("word " * 2000)], []) == pytest.approx(before * 1.5, rel=0.01)
