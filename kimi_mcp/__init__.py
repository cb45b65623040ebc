"""The product: faces on the workshop (kimi_tools) and the agent. Importing it does nothing."""
