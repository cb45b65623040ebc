"""What to install where tests could not be loaded because a Python module is not there."""

import re
from collections.abc import Sequence

from kimi_tools.testrun.report import CaseResult
from kimi_tools.testrun.tree import Tree, join

_MISSING = re.compile(r"^ModuleNotFoundError: No module named '([^'.]+)'$", re.MULTILINE)
_SHOWN = 5


def missing_modules(tree: Tree, folder: str, argv: Sequence[str], cases: Sequence[CaseResult]) -> list[str]:
    """A note that names the missing modules, the Python that lacks them and the command that installs them."""
    python = argv[0] if argv else ""
    names = {name for case in cases if case.collecting for name in _MISSING.findall(case.message)}
    if not names or not re.fullmatch(r"(.*/)?python[\d.]*", python):
        return []
    wanted = sorted(names)[:_SHOWN]
    install = f"{python} -m pip install {_what(tree, folder, wanted)}"
    return [f"Not installed in {python}: {', '.join(wanted)}. `{install}` may help."]


def _what(tree: Tree, folder: str, names: Sequence[str]) -> str:
    requirements = [f"-r {name}" for name in _REQUIREMENTS if tree.has(join(folder, name))]
    if any(tree.has(join(folder, name)) for name in _PROJECTS):
        return " ".join(["-e .", *requirements])
    return " ".join(requirements or names)


_PROJECTS = ("pyproject.toml", "setup.py")
_REQUIREMENTS = ("requirements.txt", "requirements-dev.txt", "requirements_dev.txt", "test-requirements.txt")
