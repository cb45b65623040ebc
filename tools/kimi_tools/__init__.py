"""The workshop: repository tools as a plain library, without MCP, model, configuration or screen."""
