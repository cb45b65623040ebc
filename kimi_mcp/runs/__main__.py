"""`python -m kimi_mcp.runs FOLDER`: let a run's process be nobody's child, print its id, and end.

Clients end a server with all its children and grandchildren, and a server ends its own; the run goes on.
"""

import os
import sys

if __name__ == "__main__":
    if child := os.fork():
        os.write(1, str(child).encode())
        os._exit(0)
    os.dup2(2, 1)  # whoever started it reads one line only
    from kimi_mcp.runs.worker import run

    run(sys.argv[1])
