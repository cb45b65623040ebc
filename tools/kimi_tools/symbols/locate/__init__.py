"""From the words of an issue to the places in the code, without any model.

`clues` reads the text; `evidence` looks everything up in the index; `signals` says what each kind of clue says
about each file; `passages` what it says about functions; `rank` puts both in order; `found` holds all of it;
`reasons` says why.
"""

from kimi_tools.symbols.locate.found import Candidate
from kimi_tools.symbols.locate.tool import answer, locate, look

__all__ = ["Candidate", "answer", "locate", "look"]
