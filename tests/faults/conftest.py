"""The sandbox for tests of faults that commands could do."""

import pytest

from kimi_tools.errors import NotAllowed
from kimi_tools.sandbox import Sandbox, choose


@pytest.fixture(scope="session")
def bubblewrap() -> Sandbox:
    """The default sandbox, where this machine can give it."""
    try:
        chosen = choose()
    except NotAllowed as reason:
        pytest.skip(f"no sandbox works here: {reason}")
    if not chosen.level.startswith("bubblewrap"):
        pytest.skip(f"bubblewrap does not work here; {chosen.level} does")
    return chosen
