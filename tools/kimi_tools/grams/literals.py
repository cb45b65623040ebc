"""The literals that every match of a pattern must hold.

A cautious reading of the syntax that Rust's regex and PCRE2 share: what is not surely understood gives none, and
then rg reads every file. Groups and classes are passed over whole; each alternative has its own literals.
"""

import re

from kimi_tools.grams.signature import PIECE

_GROUP = re.compile(r"\((?:\?(?::|=|!|<=|<!|P?<[A-Za-z_]\w*>))?")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\\\[\]&~-]|-(?!-)|&(?!&)|~(?!~))*\]", re.DOTALL)
_QUANTIFIER = re.compile(r"(?:\*|\+|\?|\{(\d+)(?:,\d*)?\})([?+]?)")
_BREAKS = frozenset("wWdDsSbBAztnr")
_PUNCTUATION = frozenset("\\.+*?()|[]{}^$#&-~/'\"`<>%@!,;:=_ ")
_ENDS_LITERAL = ".^$"


def required(pattern: str, *, literal: bool, exact_case: bool) -> list[list[bytes]] | None:
    """For each alternative of a pattern the literals in every match of it; None when one has none.

    `exact_case`: letters match only in this case; else a letter beyond ASCII ends a literal.
    """
    try:
        pattern.encode()
    except UnicodeEncodeError:
        return None
    if literal:
        alternatives: list[list[str]] | None = [[pattern]]
    else:
        alternatives = _alternatives(pattern)
    if alternatives is None:
        return None
    found: list[list[bytes]] = []
    for runs in alternatives:
        kept = [piece for run in runs for piece in _pieces(run, exact_case)]
        if not kept:
            return None
        found.append(kept)
    return found


def _pieces(run: str, exact_case: bool) -> list[bytes]:
    parts = re.split(r"\n", run) if exact_case else re.split(r"[^\x01-\x09\x0b-\x7f]+", run)
    return [part.encode() for part in parts if len(part.encode()) >= PIECE]


def _alternatives(pattern: str) -> list[list[str]] | None:
    """The runs of plain characters at the top of a pattern, for each alternative; None for what is not sure."""
    found: list[list[str]] = [[]]
    run: list[str] = []
    at = 0

    def end() -> None:
        if run:
            found[-1].append("".join(run))
            run.clear()

    while at < len(pattern):
        character = pattern[at]
        plain = False
        if character == "|":
            end()
            found.append([])
            at += 1
            continue
        if character == "(":
            after = _after_group(pattern, at)
        elif character == "[":
            after = _after_class(pattern, at)
        elif character == "\\":
            escaped = pattern[at + 1 : at + 2]
            plain = escaped in _PUNCTUATION and bool(escaped)
            after = at + 2 if plain or (escaped in _BREAKS and escaped) else None
            character = escaped
        elif character in "*+?{}])":
            after = None
        else:
            plain = character not in _ENDS_LITERAL
            after = at + 1
        if after is None:
            return None
        quantifier = _QUANTIFIER.match(pattern, after)
        if not plain:
            end()
        elif quantifier is None:
            run.append(character)
        else:
            if _least(quantifier):
                run.append(character)
            end()
        if quantifier is not None:
            after = quantifier.end()
            if pattern[after : after + 1] in ("*", "+", "?", "{"):
                return None
        at = after
    end()
    return found


def _least(quantifier: re.Match[str]) -> int:
    if quantifier[1] is not None:
        return int(quantifier[1])
    return 1 if quantifier[0].startswith("+") else 0


def _after_class(pattern: str, at: int) -> int | None:
    found = _CLASS.match(pattern, at)
    return found.end() if found else None


def _after_group(pattern: str, at: int) -> int | None:
    """Behind the group that begins here; None when it, or one in it, is not of a plain kind."""
    depth = 0
    while at < len(pattern):
        character = pattern[at]
        after: int | None = at + 1
        if character == "(":
            head = _GROUP.match(pattern, at)
            after = head.end() if head else None
            if after is None or pattern[after : after + 1] in ("?", "*"):
                return None
            depth += 1
        elif character == ")":
            depth -= 1
            if not depth:
                return at + 1
        elif character == "[":
            after = _after_class(pattern, at)
        elif character == "\\":
            escaped = pattern[at + 1 : at + 2]
            if not escaped or not (escaped in _PUNCTUATION or escaped in _BREAKS or escaped in "123456789"):
                return None
            after = at + 2
        if after is None:
            return None
        at = after
    return None
