"""Tools in, MCP out. Importing this package imports nothing: the first answer must not wait."""
