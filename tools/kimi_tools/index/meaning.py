"""What a name means: the definitions that are likeliest meant, and which mentions certainly mean them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from kimi_tools.index.live import Index
from kimi_tools.index.names import is_test, parts, resembling
from kimi_tools.store.database import Mention, Symbol

EXACT = "exact name"
_FEW = 3
_NEARLY_THE_SAME = 0.85
"""difflib's ratio from which on a name is taken for a misspelling: one letter in seven."""
_LONGEST_NAME = 1_000
_MINOR = frozenset({"variable", "field", "property", "constant", "key", "declaration"})


@dataclass(frozen=True, slots=True)
class Ranked:
    """A mention, and whether it certainly means the symbol."""

    mention: Mention
    certain: bool


def find(index: Index, name: str, wanted: Callable[[Symbol], bool]) -> tuple[str, list[Symbol]]:
    """How the name was understood, and its definitions, the likeliest meant first."""
    wanted_parts = parts(name.removesuffix("*"))
    if not wanted_parts or len(name) > _LONGEST_NAME:
        return "similar names", []
    last = wanted_parts[-1]
    if name.endswith("*"):
        return "names that start so", _ranked(filter(wanted, index.symbols(last, prefix=True)), last)
    named = index.symbols(last)
    exact = [symbol for symbol in named if wanted(symbol) and _qualified_so(symbol, wanted_parts)]
    if exact:
        return EXACT, _ranked(exact, last)
    if len(wanted_parts) > 1 and (bare := list(filter(wanted, named))):
        return f"no '{name}', but '{last}' elsewhere", _ranked(bare, last)
    prefixed = list(filter(wanted, index.symbols(last, prefix=True)))
    if same := [symbol for symbol in prefixed if symbol.definition.name.lower() == last.lower()]:
        return "name in other letter case", _ranked(same, last)
    names = resembling(last, index.names())
    if prefixed:
        near = [candidate for candidate in names if not candidate.startswith(last)]
        misspelt = _of_each(index, get_close_matches(last, near, _FEW, _NEARLY_THE_SAME), wanted)
        how = "nearly the same name, then names that start so" if misspelt else "names that start so"
        return how, [*misspelt, *_ranked(prefixed, last)]
    return "similar names", _of_each(index, names, wanted)


def _of_each(index: Index, names: Iterable[str], wanted: Callable[[Symbol], bool]) -> list[Symbol]:
    """The likeliest definitions of each name."""
    return [symbol for name in names for symbol in _ranked(filter(wanted, index.symbols(name)), name)[:_FEW]]


def _qualified_so(symbol: Symbol, wanted: Sequence[str]) -> bool:
    """Whether the symbol's qualified name, behind its file's path as a module, ends with the wanted parts."""
    own = symbol.definition.qualified.split(".")
    if len(wanted) <= len(own):
        return own[-len(wanted) :] == list(wanted)
    module = symbol.path.rpartition(".")[0].removesuffix("/__init__").replace("-", "_").split("/")
    whole = [*module, *own]
    rest = list(wanted)
    if whole[-len(rest) :] == rest:
        return True
    # a package may export the name from a module below it: its first parts then stand in the path, in order
    remaining = iter(whole)
    return own == rest[-len(own) :] and all(part in remaining for part in rest)


def _ranked(symbols: Iterable[Symbol], name: str) -> list[Symbol]:
    def rank(symbol: Symbol) -> tuple[object, ...]:
        definition = symbol.definition
        return (
            definition.name != name,
            definition.kind in _MINOR,
            is_test(symbol.path),
            definition.qualified.count("."),
            symbol.path,
            definition.first_line,
        )

    return sorted(symbols, key=rank)


def rank(index: Index, name: str, targets: list[Symbol], mentions: list[Mention]) -> list[Ranked]:
    """The mentions that certainly mean one of the targets first, then by use and path.

    Certain are the targets' own definitions; imports, where every definition of the name at the top level is a
    target; and in files that define or import it, uses of a name that is defined there only once.
    """
    places = {(symbol.path, symbol.definition.line) for symbol in targets}
    everywhere = index.symbols(name)
    ambiguous = [symbol for symbol in everywhere if (symbol.path, symbol.definition.line) not in places]
    method = bool(targets) and all("." in symbol.definition.qualified for symbol in targets)
    home = {symbol.path for symbol in targets}
    importing = {mention.path for mention in mentions if mention.use == "import"}
    doubtful = {symbol.path for symbol in ambiguous}

    def certain(mention: Mention) -> bool:
        if mention.use == "definition":
            return (mention.path, mention.line) in places
        if not targets or method or mention.path in doubtful:
            return False
        if mention.path in home:
            return True
        others = [symbol for symbol in ambiguous if "." not in symbol.definition.qualified]
        return mention.path in importing and not others

    return in_order([Ranked(mention, certain(mention)) for mention in mentions])


def in_order(ranked: list[Ranked]) -> list[Ranked]:
    """The symbol's own definitions first, then what is certain, then the rest; tests last; by path and line."""

    def key(item: Ranked) -> tuple[object, ...]:
        mention = item.mention
        return (
            not (item.certain and mention.use == "definition"),
            not item.certain,
            is_test(mention.path),
            mention.path,
            mention.use != "definition",
            mention.line,
        )

    return sorted(ranked, key=key)


def sharpen(ranked: list[Ranked], places: frozenset[tuple[str, int]]) -> tuple[list[Ranked], bool]:
    """The mentions in the light of what a language server knows, and whether it knew all that is certain.

    What it names is certain, in strings and annotations too. Where it misses what the syntax makes certain, it
    has not seen the whole repository (some servers answer while they still read), and only adds to the answer.
    """
    known = {(item.mention.path, item.mention.line) for item in ranked}
    whole = all((item.mention.path, item.mention.line) in places for item in ranked if item.certain)
    sharper = [
        Ranked(item.mention, item.certain or (item.mention.path, item.mention.line) in places)
        for item in ranked
    ]
    sharper += [Ranked(Mention(path, line, "use"), True) for path, line in sorted(places - known)]
    return in_order(sharper), whole
