"""The Kimi client: messages in, an answer out, whatever the host does in between."""
