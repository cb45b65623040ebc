"""One small module per test runner, and their one ordered list.

Where one folder shows signs of several runners for the same kind of file, the first of them is meant.
"""

from kimi_tools.testrun.runners.cargo import CARGO
from kimi_tools.testrun.runners.ctest import CTEST
from kimi_tools.testrun.runners.django import DJANGO
from kimi_tools.testrun.runners.go import GO
from kimi_tools.testrun.runners.gradle import GRADLE
from kimi_tools.testrun.runners.jest import JEST
from kimi_tools.testrun.runners.maven import MAVEN
from kimi_tools.testrun.runners.mocha import MOCHA
from kimi_tools.testrun.runners.node import NODE
from kimi_tools.testrun.runners.phpunit import PHPUNIT
from kimi_tools.testrun.runners.pytest import PYTEST
from kimi_tools.testrun.runners.rspec import RSPEC
from kimi_tools.testrun.runners.unittest import UNITTEST
from kimi_tools.testrun.runners.vitest import VITEST
from kimi_tools.testrun.suite import Runner

RUNNERS: tuple[Runner, ...] = (
    *(DJANGO, PYTEST, UNITTEST),
    *(VITEST, JEST, MOCHA, NODE),
    *(GO, CARGO, MAVEN, GRADLE, RSPEC, PHPUNIT, CTEST),
)
