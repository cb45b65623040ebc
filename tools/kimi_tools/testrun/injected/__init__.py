"""Reporters that run inside other people's test runners.

They are copied into a run's scratch directory and loaded from there; the workshop never imports them. They
use the runner's own language only (Python 3.6 and later) and write one JSON object per line into the file
that `KIMI_MCP_EVENTS` names, with paths relative to the directory in which the runner was started.
"""
