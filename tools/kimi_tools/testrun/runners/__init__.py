"""One small module per test runner, and their one ordered list."""

from kimi_tools.testrun.runners.pytest import PYTEST
from kimi_tools.testrun.suite import Runner

RUNNERS: tuple[Runner, ...] = (PYTEST,)
