"""`python -m kimi_mcp` is `kimi-mcp`."""

import os
import sys

if sys.path and sys.path[0] == os.getcwd():  # what `-m` puts there: a repository's modules must not be ours
    del sys.path[0]

from kimi_mcp.cli import main

sys.exit(main())
