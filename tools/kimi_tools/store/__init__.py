"""What is kept of files' contents on disk, and the processes that fill it.

Nothing here knows a workspace: contents come in as bytes, so that a worker process starts in a few milliseconds.
"""
