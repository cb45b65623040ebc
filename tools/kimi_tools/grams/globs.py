"""Which paths rg's `--glob` options choose, for globs whose meaning is certain.

The rules are those of .gitignore with the sign turned round: without `!` a glob chooses, with it it leaves out; of
two that match the later wins; when some choose, a file that none matches is left out; a folder left out is not
entered.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

_CERTAIN = re.compile(r"!?/?(?:\*\*/)?(?:[\w.@+=,~ *-]+/)*(?:[\w.@+=,~ *-]+)")


class Chooser:
    """Some globs, read."""

    def __init__(self, rules: Sequence[tuple[bool, re.Pattern[str]]]) -> None:
        self._rules = rules
        self.chooses = any(chosen for chosen, _ in rules)

    def last(self, path: str) -> bool | None:
        """Whether the last glob that matches a path chooses it; None when none matches."""
        return next((chosen for chosen, rule in reversed(self._rules) if rule.fullmatch(path)), None)

    def file(self, path: str) -> bool:
        """Whether a file that no ignore rule concerns is searched."""
        if not self._rules:
            return True
        last = self.last(path)
        return ((last is None and not self.chooses) or bool(last)) and self.folder(path.rpartition("/")[0])

    def folder(self, path: str) -> bool:
        """Whether a folder is entered."""
        while path and self._rules:
            if self.last(path) is False:
                return False
            path = path.rpartition("/")[0]
        return True


@lru_cache(maxsize=64)
def chooser(globs: tuple[str, ...]) -> Chooser | None:
    """The reading of some globs; None when one is not certain."""
    rules: list[tuple[bool, re.Pattern[str]]] = []
    for glob in globs:
        if not _CERTAIN.fullmatch(glob) or "***" in glob or glob != glob.strip():
            return None
        text = glob.removeprefix("!")
        if "/" not in text:
            text = f"**/{text}"
        rule = _rule(text.removeprefix("/"))
        if rule is None:
            return None
        rules.append((not glob.startswith("!"), rule))
    return Chooser(rules)


def _rule(glob: str) -> re.Pattern[str] | None:
    parts = glob.split("/")
    made = ""
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**":
            made += ".+" if last else "(?:.*/)?"
            continue
        if "**" in part:
            return None
        pieces = {"*": "[^/]*"}
        made += "".join(pieces.get(character) or re.escape(character) for character in part)
        made += "" if last else "/"
    return re.compile(made, re.DOTALL)
