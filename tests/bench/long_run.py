"""A scripted run of 300 steps over HTTP: pace outside the model, memory, cache, goal and plan kept."""

import sys

from tests.kimi_mcp.agent.long_run import main

if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
