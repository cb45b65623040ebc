"""The agent over the Agent Client Protocol: its events in, session updates out. The loop is the same."""
