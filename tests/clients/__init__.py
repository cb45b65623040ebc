"""Real MCP clients against the real server, with a scripted model on loopback.

`uv run python -m tests.clients` installs the clients from npm into a cache directory, runs the matrix and
prints it as Markdown; `--help` says more. Not part of the normal suite.
"""
