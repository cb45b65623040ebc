"""`python -m kimi_mcp` is `kimi-mcp`."""

import sys

from kimi_mcp.cli import main

sys.exit(main())
