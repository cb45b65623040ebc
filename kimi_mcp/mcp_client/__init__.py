"""Other people's MCP servers as functions of the agent, for as long as a session is open."""
