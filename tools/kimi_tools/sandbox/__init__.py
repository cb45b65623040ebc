"""What commands of the project and of the model run in."""

from kimi_tools.sandbox.choice import Best, choose
from kimi_tools.sandbox.place import UNPROTECTED, Place, Sandbox, Unprotected
from kimi_tools.sandbox.running import run_confined

__all__ = ["UNPROTECTED", "Best", "Place", "Sandbox", "Unprotected", "choose", "run_confined"]
