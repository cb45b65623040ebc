"""What a call cost that asked a model itself."""

from kimi_mcp.model.messages import Usage
from kimi_tools.tool import Data


class Spending(Data):
    """Tokens and US dollars; `cost` is None where a price is not known."""

    usage: Usage
    cost: float | None
