"""What can go wrong in a batch that its user can act on."""

from kimi_tools.errors import ToolError


class BatchError(ToolError):
    """A failure that is told in one sentence with the way out."""


class BadInstances(BatchError):
    """The instances cannot be read, or lack what the work needs."""


class NoHistory(BatchError):
    """No git history holds an instance's base commit."""


class EnvironmentFailed(BatchError):
    """An instance's environment cannot be built here."""
