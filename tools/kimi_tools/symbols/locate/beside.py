"""Files that stand beside the code of a project."""

import re
from functools import lru_cache

from kimi_tools.index.names import is_test

_BESIDE = re.compile(
    r"(^|/)(docs?|examples?|benchmarks?|asv_bench|scripts?|tools|\.github|ci|galleries|tutorials)/|(^|/)(setup|conf|noxfile|tasks)\.py$"
)


@lru_cache(maxsize=100_000)
def is_beside(path: str) -> bool:
    """Whether a file is a test, a document or a tool of the project rather than its code."""
    return is_test(path) or _BESIDE.search(path) is not None
