"""What source text says of itself: its language, its definitions and references, its syntax errors.

Everything here takes bytes and knows no files. The parsers are tree-sitter grammars that come inside wheels;
each is loaded when a file of its language is first met (1 to 10 ms).
"""

from kimi_tools.syntax.definitions import Definition, definitions
from kimi_tools.syntax.extract import Extract, extract
from kimi_tools.syntax.grammar import Unparsed
from kimi_tools.syntax.languages import LANGUAGES, Language, language_of
from kimi_tools.syntax.packed import unpack
from kimi_tools.syntax.problems import Problem, errors
from kimi_tools.syntax.references import Reference, places, references

__all__ = [
    "LANGUAGES",
    "Definition",
    "Extract",
    "Language",
    "Problem",
    "Reference",
    "Unparsed",
    "definitions",
    "errors",
    "extract",
    "language_of",
    "places",
    "references",
    "unpack",
]
