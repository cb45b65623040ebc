"""Django's own runner: `runtests.py` of Django itself, and `manage.py test` of projects."""

import re
from collections.abc import Sequence

from kimi_tools.testrun.python_env import python_environment, python_for
from kimi_tools.testrun.reporter import place
from kimi_tools.testrun.runners.unittest import label
from kimi_tools.testrun.suite import Job, Plan, Selection, Suite
from kimi_tools.testrun.tree import Tree, join, parent

OWN_RUNNER = "tests/runtests.py"
REQUIREMENTS = ("asgiref", "sqlparse", "pytz")


class Django:
    """The runner."""

    name = "django"
    suffixes = (".py",)
    path_ids = False

    def find(self, tree: Tree) -> Sequence[Suite]:
        """Django itself, and every `manage.py` without a pytest configuration for Django beside it."""
        if tree.has(OWN_RUNNER) and tree.has("django/__init__.py"):
            size = len(tree.below("tests", "test*.py"))
            return [Suite(self.name, ".", OWN_RUNNER, ("python", OWN_RUNNER), size=size)]
        return [
            Suite(self.name, folder, path, ("python", "manage.py", "test", "--noinput"), size=size)
            for path in tree.named("manage.py", depth=3)
            if "DJANGO_SETTINGS_MODULE" in tree.text(path)
            and not _for_pytest(tree, folder := parent(path))
            and (size := len(tree.below(folder, "test*.py")))
        ]

    async def plan(self, job: Job) -> Plan:
        """The project's script, run by our module in the project's environment."""
        words = job.suite.command
        script = next(i for i, word in enumerate(words) if word.endswith(".py"))
        own = words[script].endswith("runtests.py")
        environment = python_environment(job)
        if own:
            python = await python_for(job, *_requirements(job))
            environment["PYTHONPATH"] += f":{job.workspace.at / job.suite.folder}"
        else:
            python = await python_for(job, "django")
        place("kimi_mcp_unittest.py", job.scratch)
        start = [*python.argv, "-m", "kimi_mcp_unittest", "--script"]
        chosen = _selected(job.selection, parent(words[script]) if own else ".")
        return Plan(argv=[*start, *words[script:], *chosen], environment=environment, announces_end=True)

    def owns(self, name: str) -> bool:
        """A dotted label such as `app.tests.Class.test_name`."""
        return re.fullmatch(r"[A-Za-z_]\w*(\.\w+)+", name) is not None


def _selected(selection: Selection, base: str) -> list[str]:
    """Labels, and `-k` for parts of names; the two narrow each other, so a mixture is all `-k`."""
    labels = [found for path in selection.paths if (found := _label(path, base))]
    ids = [label(id) for id in selection.ids]
    if not selection.parts:
        return [*labels, *ids]
    return [*labels, *(word for part in (*ids, *selection.parts) for word in ("-k", part))]


def _label(path: str, base: str) -> str:
    path = path.removeprefix(f"{base}/") if path != base else "."
    return "" if path == "." else re.sub(r"(/__init__)?\.py$", "", path).replace("/", ".")


def _requirements(job: Job) -> list[str]:
    """What this Django needs to be imported, by its own packaging files."""
    text = ""
    for name in ("pyproject.toml", "setup.cfg", "setup.py"):
        path = join(job.suite.folder, name)
        text += job.workspace.read(path).text if job.workspace.exists(path) else ""
    return [name for name in REQUIREMENTS if re.search(rf"['\"\s]{name}\s*[<>=~]", text)]


def _for_pytest(tree: Tree, folder: str) -> bool:
    names = {
        join(f, name)
        for f in (".", folder)
        for name in ("pytest.ini", "setup.cfg", "tox.ini", "pyproject.toml")
    }
    return any(re.search(r"^DJANGO_SETTINGS_MODULE", tree.text(name), re.MULTILINE) for name in sorted(names))


DJANGO = Django()
