"""PHPUnit, told by its TeamCity log, which it writes test by test."""

import re
from collections.abc import Sequence

from kimi_tools.testrun.collector import Collector
from kimi_tools.testrun.suite import Job, Plan, Suite
from kimi_tools.testrun.tree import Tree, join, parent

LOG = "teamcity.txt"
_MESSAGE = re.compile(r"##teamcity\[(\w+)((?: \w+='(?:\|.|[^|'])*')*)\s*\]")
_FIELD = re.compile(r" (\w+)='((?:\|.|[^|'])*)'")
_ESCAPED = re.compile(r"\|(0x[0-9a-fA-F]{4}|.)")
_PLAIN = {"n": "\n", "r": "\r"}


class Phpunit:
    """The runner. Its ids are `Class::method`, with the name of a data set behind."""

    name = "phpunit"
    suffixes = (".php",)
    path_ids = False

    def find(self, tree: Tree) -> Sequence[Suite]:
        """Folders with PHPUnit's configuration, or with tests beside a composer.json."""
        found: dict[str, str] = {}
        for path in tree.named("phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml", depth=3):
            found.setdefault(parent(path), path)
        for path in tree.named("composer.json", depth=2):
            if "phpunit" in tree.text(path):
                found.setdefault(parent(path), f"{path} names phpunit")
        return [
            Suite(self.name, folder, why, size=size)
            for folder, why in found.items()
            if (size := len(tree.below(folder, "*Test.php")))
        ]

    async def plan(self, job: Job) -> Plan:
        """The project's own phpunit, else the installed one."""
        suite, selection = job.suite, job.selection
        words = list(suite.command) or _program(job)
        ids = [_pattern(id) for id in selection.ids]
        paths = [suite.inside(path) for path in selection.paths]
        if len(paths) > 1:  # PHPUnit 9 takes one path only
            ids += [f"\\b{re.escape(path.rpartition('/')[2].removesuffix('.php'))}::" for path in paths]
            paths = []
        filters = [*ids, *(re.escape(part) for part in selection.parts)]
        argv = [
            *words,
            "--colors=never",
            "--do-not-cache-result",
            *("--log-teamcity", str(job.scratch / LOG)),
            *(["--filter", f"/{'|'.join(filters).replace('/', chr(92) + '/')}/"] if filters else []),
            *paths,
        ]
        return Plan(argv, events=LOG, on_event=Reader().message)

    def owns(self, name: str) -> bool:
        """`Class::method`, where a class starts with a capital or a namespace."""
        return re.match(r"(\w+\\)*[A-Z]\w*::\w+", name) is not None


def _pattern(id: str) -> str:
    name, _, data = id.partition(" with data set ")
    return (
        f"{re.escape(name)}( with data set {re.escape(data)})?$"
        if data
        else f"{re.escape(name)}( with data set .*)?$"
    )


def _program(job: Job) -> list[str]:
    for name in ("vendor/bin/phpunit", "bin/phpunit", "phpunit.phar"):
        if job.workspace.exists(join(job.suite.folder, name)):
            return [job.workspace.program("php"), name]
    return [job.workspace.program("phpunit")]


class Reader:
    """Turns TeamCity messages into results."""

    def __init__(self) -> None:
        self.ended: dict[str, tuple[str, str, str]] = {}
        self.places: dict[str, str] = {}

    def message(self, line: bytes, collector: Collector) -> None:
        """One line of the log."""
        match = _MESSAGE.search(line.decode("utf-8", "replace"))
        if match is None:
            return
        kind = match[1]
        fields = {name: _unescape(value) for name, value in _FIELD.findall(match[2])}
        name = fields.get("name", "")
        if kind == "testCount":
            collector.total += int(fields.get("count", "0") or 0)
        elif kind == "testStarted":
            path, _, rest = fields.get("locationHint", "").removeprefix("php_qn://").partition("::")
            id = rest.lstrip("\\") or name
            self.places[name] = id
            self.ended[id] = ("passed", "", "")
            collector.start(id, path)
        elif kind in ("testFailed", "testIgnored"):
            id = self.places.get(name, name)
            status = "failed" if kind == "testFailed" else "skipped"
            self.ended[id] = (status, fields.get("message", ""), fields.get("details", ""))
            if id not in collector.running:
                self._end(collector, id, 0.0)
        elif kind == "testFinished":
            duration = fields.get("duration", "0")
            self._end(
                collector, self.places.get(name, name), float(duration) / 1000 if duration.isdigit() else 0.0
            )

    def _end(self, collector: Collector, id: str, seconds: float) -> None:
        status, message, details = self.ended.pop(id, ("passed", "", ""))
        started = collector.running.get(id)
        path = started.path if started else ""
        line = next(
            (
                int(found[2])
                for found in re.finditer(r"(\S+\.php):(\d+)", details)
                if not path or collector.relative(found[1]) == path
            ),
            0,
        )
        collector.end(
            id,
            "failed" if status == "failed" else "skipped" if status == "skipped" else "passed",
            seconds=seconds,
            line=line,
            message=message,
            trace=details,
        )


def _unescape(text: str) -> str:
    def plain(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code, 16)) if code.startswith("0x") else _PLAIN.get(code, code)

    return _ESCAPED.sub(plain, text)


PHPUNIT = Phpunit()
