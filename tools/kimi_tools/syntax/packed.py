"""How a name's lines in one file are kept: one 32-bit word for each, with what the name is used for there."""

import sys
from array import array
from typing import Literal

Use = Literal["definition", "import", "call", "inherit", "use"]
"""How a name occurs. `call` includes decorators and constructors; `use` is everything else in code."""

USES: tuple[Use, ...] = ("use", "import", "call", "inherit", "definition")
"""By code, the weakest first: of several occurrences on one line the strongest counts."""


def pack(lines: dict[int, int]) -> bytes:
    """`{0-based line: code of USES}` as 32-bit words, `line * 8 + code`, by line."""
    if len(lines) == 1:
        ((line, code),) = lines.items()
        return (line << 3 | code).to_bytes(4, sys.byteorder)
    return array("I", sorted([line << 3 | code for line, code in lines.items()])).tobytes()


def unpack(packed: bytes) -> list[tuple[int, Use]]:
    """The 1-based lines and uses in `packed`, by line."""
    return [((word >> 3) + 1, USES[word & 7]) for word in array("I", packed)]
