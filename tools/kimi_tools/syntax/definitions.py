"""The definitions of a file: what is defined where, inside what, and how its first line reads."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import tree_sitter as ts

from kimi_tools.syntax.grammar import Unparsed, matches, parse, query
from kimi_tools.syntax.languages import Language, language_of

SIGNATURE_CHARS = 160
DOC_CHARS = 120

_PLAIN = frozenset({"variable", "field"})
"""Kinds that are one assignment: nothing around it belongs to them."""

_CONTAINERS = frozenset(
    {"class", "interface", "trait", "struct", "enum", "object", "protocol", "record", "scope"}
)
"""Kinds in which a function is a method. `scope` only lends its name: Rust's `impl`, Swift's `extension`."""

_WEAK = frozenset({"variable", "field", "type", "constant", "property", "declaration"})
"""Kinds that give way when the same name is also matched as something more telling."""

_WRAPPERS = frozenset(
    {"decorated_definition", "export_statement", "template_declaration", "lexical_declaration"}
    | {"variable_declaration", "type_declaration", "expression_statement", "local_declaration"}
)
"""Parents that hold more of the same definition: decorators, `export`, `const`, `template`."""

_ANGLES = re.compile("([<>])")
_SPACE = re.compile(r"\s+")
_QUALIFIED = re.compile(r"[\w$]+(?:(?:::|\.|:|\\)[~\w$]+)+(?:(?<=operator)[^\w\s]+)?")
_SEPARATOR = re.compile(r"::|\.|:|\\")
_MARKUP = re.compile(r"^\s*(?:[rRbBuUfF]*(?:\"\"\"|'''|\"|')|/\*+!?|//[/!]?|#+|--+\[*|;+|%+|\(\*+|\*)?\s*")
_MARKUP_END = re.compile(r"\s*(?:\"\"\"|'''|\"|'|\*+[/)]|-->)?\s*$")
_ENDS_MARKUP = "\"'/)>"
_DOC_BYTES = 2000
_TAG = re.compile(r"</?[a-z]+/?>")


@dataclass(frozen=True, slots=True)
class Definition:
    """One definition.

    `qualified`: its name behind those of what it stands in (`Class.method`; in every language with dots).
    `kind`: function, method, class, interface, struct, enum, trait, module, type, constant, variable, field,
    macro and the like. `first_line` to `last_line` (1-based, inclusive) holds its decorators and its body;
    its name stands on `line`. `signature`: its head on one line. `doc`: the first line of its documentation.
    """

    name: str
    qualified: str
    kind: str
    first_line: int
    last_line: int
    line: int
    signature: str
    doc: str


@dataclass(slots=True)
class _Found:
    """What a query matched, before it is named after its surroundings."""

    kind: str
    node: ts.Node
    name: ts.Node
    start: int
    end: int
    receiver: ts.Node | None = None
    tail: ts.Node | None = None


def definitions(path: str, data: bytes) -> list[Definition]:
    """The definitions of a file, in the order of its lines.

    Empty when the language is unknown or the file cannot be parsed (binary, huge, or hostile).
    """
    language = language_of(path, data)
    if language is None:
        return []
    try:
        return defined(language, parse(language, data), data)
    except Unparsed:
        return []


def defined(language: Language, tree: ts.Tree, data: bytes) -> list[Definition]:
    """The definitions in a tree that was made from `data`. Raises `Unparsed`."""
    wanted = query(language, "definitions")
    if wanted is None:
        return []
    by_name: dict[int, _Found] = {}
    for _, captured in matches(wanted, tree):
        for found in _found(captured):
            known = by_name.get(found.name.start_byte)
            if known is None or known.kind in _WEAK or found.tail is not None:
                by_name[found.name.start_byte] = found
    in_order = sorted(by_name.values(), key=lambda found: (found.start, -found.end))
    return list(_nested(in_order, data, _plain if language.name == "cpp" else str))


def _found(captured: dict[str, list[ts.Node]]) -> Iterator[_Found]:
    names = captured.pop("name", None)
    receiver = captured.pop("receiver", [None])[0]
    tail = captured.pop("end", [None])[0]
    for kind, (node, *_) in captured.items():
        if not kind.startswith("_"):
            end = (tail or node).end_byte
            yield _Found(kind, node, names[0] if names else node, node.start_byte, end, receiver, tail)


def _nested(found: Iterable[_Found], data: bytes, plain: Callable[[str], str]) -> Iterator[Definition]:
    """Name each definition after those that it stands in; `found` is sorted by start, the outer first."""
    within: list[tuple[int, str, str, int]] = []
    for item in found:
        while within and (within[-1][0] < item.end or within[-1][::3] == (item.end, item.start)):
            within.pop()
        outer = within[-1] if within else (0, "", "", 0)
        *path, name = _parts(plain(_text(item.name, data)))
        if item.receiver is not None:
            path = [_text(item.receiver, data)]
        qualified = ".".join(filter(None, [outer[1], *path, name]))
        kind = item.kind
        if kind == "function" and (outer[2] in _CONTAINERS or path):
            kind = "method"
        within.append((item.end, qualified, kind, item.start))
        if kind != "scope":
            yield _definition(name, qualified, kind, item, data)


def _text(node: ts.Node, data: bytes) -> str:
    text = data[node.start_byte : node.end_byte].decode("utf-8", "replace")
    return text[1:] if node.type == "simple_symbol" else text


def _plain(name: str) -> str:
    """A C++ name as it is asked for: `Sink<Mutex>::log` is `Sink::log`, `formatter<int>` is `formatter`.

    Where an unknown macro stands before a type, the grammar takes the type for a part of the name: it is left out.
    """
    head, operator, tail = name.partition("operator")
    kept: list[str] = []
    depth = 0
    for piece in _ANGLES.split(head):
        if piece in ("<", ">"):
            depth += 1 if piece == "<" else -1
        elif depth <= 0:
            kept.append(piece)
    plain = "".join(kept)
    return (plain if operator else plain.strip().rpartition(" ")[2].lstrip("&*")) + operator + tail


def _parts(name: str) -> list[str]:
    """A written name's parts: `Foo::bar` and `M.f` qualify themselves."""
    if name.isidentifier():
        return [name]
    name = _SPACE.sub(" ", name).strip().removeprefix("::")
    return _SEPARATOR.split(name) if _QUALIFIED.fullmatch(name) else [name]


def _definition(name: str, qualified: str, kind: str, item: _Found, data: bytes) -> Definition:
    outer = node = item.node
    while kind not in _PLAIN and (parent := outer.parent) is not None and parent.type in _WRAPPERS:
        outer = parent
    body = node.child_by_field_name("body")
    first = outer.start_point[0]
    last, column = (item.tail or outer).end_point
    return Definition(
        name,
        qualified,
        kind,
        first + 1,
        last + (1 if column or last == first else 0),
        (item.name.end_point if item.name.type == "qualified_identifier" else item.name.start_point)[0] + 1,
        _signature(outer if outer.start_point[0] == node.start_point[0] else node, body, data),
        "" if kind in _WEAK and not body else _doc(outer, body, data),
    )


def _signature(node: ts.Node, body: ts.Node | None, data: bytes) -> str:
    start = node.start_byte
    text = data[start : min(node.end_byte if body is None else body.start_byte, start + 2000)]
    if body is None:
        text = text.lstrip().partition(b"\n")[0]
    return signature_of(text)


def signature_of(text: bytes) -> str:
    """A definition's head on one line, bounded."""
    head = text.decode("utf-8", "replace")
    if b"\n" in text or b"  " in text or b"\t" in text:
        head = _SPACE.sub(" ", head)
    head = head.strip().removesuffix("{").rstrip(" :=")
    return head if len(head) <= SIGNATURE_CHARS else f"{head[: SIGNATURE_CHARS - 1]}…"


def _doc(outer: ts.Node, body: ts.Node | None, data: bytes) -> str:
    if body is not None and body.type == "block" and body.named_child_count:
        first = body.named_child(0)
        if first.type == "expression_statement" and first.named_child_count:
            first = first.named_child(0)
        if first.type == "string":
            return first_line_of(data[first.start_byte : first.end_byte])
    start = end = 0
    while (before := outer.prev_sibling) is not None and before.end_point[0] >= outer.start_point[0] - 1:
        if "comment" in before.type and not data.startswith(b"#!", before.start_byte):
            start, end = before.start_byte, end or before.end_byte
        elif before.type not in ("attribute_item", "annotation"):
            break
        outer = before
    return first_line_of(data[start : min(end, start + 2000)])


def first_line_of(text: bytes) -> str:
    """The first line of a documentation that says something, without its markup, bounded."""
    for line in text[:_DOC_BYTES].decode("utf-8", "replace").splitlines():
        plain = _MARKUP.sub("", _TAG.sub("", line) if "<" in line else line).rstrip()
        if plain and plain[-1] in _ENDS_MARKUP:
            plain = _MARKUP_END.sub("", plain)
        if plain:
            return plain if len(plain) <= DOC_CHARS else f"{plain[: DOC_CHARS - 1]}…"
    return ""
