"""What a caller can be told.

A tool fails in two ways only: with a `ToolError`, one clear sentence that says what is wrong and the way
out, which goes to the caller; or with any other exception, which is a bug and flies.

::

    ToolError
    ├── BadArguments       the call does not fit the tool's declaration
    ├── PathRefused        the path leads out of the root, or is not a thing that tools may touch
    ├── NotFound           a path, symbol, revision or record that is not there
    ├── TextNotFound       the text to replace does not occur
    ├── TextNotUnique      the text to replace occurs more than once
    ├── Conflict           the file is not in the state that the caller believes
    ├── NotAllowed         the effect needs leave that was not given
    ├── Unavailable        a program or service that the tool needs is not here
    └── TimedOut           the work did not end in its time
"""


class ToolError(Exception):
    """A failure that the caller can act on; its text is one sentence with the way out."""


class BadArguments(ToolError):
    """The call does not fit the tool's declaration."""


class PathRefused(ToolError):
    """The path leads out of the root, or names something that is not a regular file or directory."""


class NotFound(ToolError):
    """The path, symbol, revision or record is not there."""


class TextNotFound(ToolError):
    """The text to replace does not occur in the file."""


class TextNotUnique(ToolError):
    """The text to replace occurs more than once."""


class Conflict(ToolError):
    """The file is not in the state that the caller believes."""


class NotAllowed(ToolError):
    """The effect needs leave that was not given."""


class Unavailable(ToolError):
    """A program or service that the tool needs is not on this machine."""


class TimedOut(ToolError):
    """The work did not end in the time that it was given."""
