"""Start the simulated endpoint by hand, and point any client at it.

`uv run python -m tests.kimi_api --script tests/kimi_api/example.json --port 8765`; without a script every
request is answered "Hello.". The fields of a script's turns are those of `tests.kimi_api.turns.Turn`.
"""

import argparse
import contextlib

from tests.kimi_api.account import Account
from tests.kimi_api.server import KimiApi
from tests.kimi_api.turns import Turn, load_script


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.kimi_api", description=__doc__)
    parser.add_argument(
        "--script", help="JSON file: a list of turns, or {turns, flavour, models, account, keys}"
    )
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--flavour", choices=("moonshot", "openrouter", "vllm", "ollama"))
    parser.add_argument("--lenient", action="store_true", help="leave out the strict checks")
    arguments = parser.parse_args()
    turns, options = (
        load_script(arguments.script) if arguments.script else ([Turn(text="Hello.", times=10**9)], {})
    )
    if "account" in options:
        options["account"] = Account(**options["account"])
    if arguments.flavour:
        options["flavour"] = arguments.flavour
    api = KimiApi(turns, port=arguments.port, **{"strict": not arguments.lenient, **options})
    print(f"Simulated Kimi endpoint: {api.url} (any API key)", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        api.serve()


if __name__ == "__main__":
    main()
