"""A pytest plugin that writes what happens to each test, as it happens, for pytest 3.4 and later."""

import json
import os
import re
import sys

import pytest

START = os.getcwd()  # a test may change it
ENDS = {"passed": "passed", "failed": "failed", "skipped": "skipped"}
SECTION_CHARS = 2000
TRACE_CHARS = 20000


class Chooser:
    """Deselects tests where ids and parts of names are mixed, which the command line can't say."""

    def __init__(self, prefix, ids, parts):
        self.prefix = prefix
        self.ids = ids
        self.parts = parts

    def pytest_collection_modifyitems(self, config, items):
        out = [item for item in items if not self.wanted(self.prefix + item.nodeid)]
        if out:
            config.hook.pytest_deselected(items=out)
            items[:] = [item for item in items if item not in set(out)]

    def wanted(self, nodeid):
        inside = any(nodeid == id or nodeid.startswith((id + "::", id + "[")) for id in self.ids)
        return inside or any(part in nodeid for part in self.parts)


class Reporter:
    """One session; with xdist only in the controlling process."""

    def __init__(self, path, prefix):
        self.file = open(path, "a", encoding="utf-8")
        self.prefix = prefix
        self.going = {}

    def write(self, **event):
        self.file.write(json.dumps(event) + "\n")
        self.file.flush()

    def id(self, nodeid):
        return self.prefix + nodeid

    def place(self, location):
        """A report's (path, 0-based line, name) as a path from where pytest was started and a 1-based line."""
        if not location:
            return "", 0
        return os.path.normpath(self.prefix + location[0]), (location[1] or 0) + 1

    def pytest_collectreport(self, report):
        if not report.failed:
            return
        name = report.nodeid or "."
        path = self.prefix + name.split("::")[0]
        message, line = crash(report, path)
        self.write(
            event="end",
            id=self.id(name),
            status="error",
            path=path,
            line=line,
            message=message,
            trace=own_part(long_text(report)),
            collecting=True,
        )

    def pytest_collection_finish(self, session):
        self.write(event="total", count=len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node, ids):
        if "total" not in self.going:
            self.going["total"] = True
            self.write(event="total", count=len(ids))

    def pytest_runtest_logstart(self, nodeid, location):
        path, line = self.place(location)
        self.write(event="start", id=self.id(nodeid), path=path, line=line)

    def pytest_runtest_logreport(self, report):
        if report.outcome not in ENDS:
            return  # a rerun that another plugin has asked for
        path, line = self.place(report.location)
        case = self.going.setdefault(
            report.nodeid,
            {"status": "", "seconds": 0.0, "path": path, "line": line, "message": "", "trace": ""},
        )
        case["seconds"] += getattr(report, "duration", 0.0)
        status = outcome(report)
        if status in ("failed", "error"):
            if case["status"] not in ("failed", "error"):
                case["status"] = status
                case["message"], failed_at = crash(report, path)
                case["line"] = failed_at or case["line"]
                case["trace"] = long_text(report)
        elif status and not case["status"]:
            case["status"] = status
            if status in ("skipped", "xfailed"):
                case["message"] = reason(report)
        elif status == "skipped" and case["status"] == "passed":
            case["status"] = status
        if report.when == "teardown":
            self.finish(report.nodeid)

    def pytest_runtest_logfinish(self, nodeid):
        self.finish(nodeid)

    def finish(self, nodeid):
        case = self.going.pop(nodeid, None)
        if case and case["status"]:
            self.write(event="end", id=self.id(nodeid), **case)

    def pytest_internalerror(self, excrepr):
        self.write(event="problem", message="pytest's internal error: " + str(excrepr)[-TRACE_CHARS:])

    def pytest_sessionfinish(self):
        for nodeid in list(self.going):
            if nodeid != "total":
                self.finish(nodeid)

    def pytest_unconfigure(self):
        self.write(event="done")


def outcome(report):
    """How a phase of a test ended; empty for a phase that says nothing about it."""
    expected_to_fail = hasattr(report, "wasxfail")
    if report.outcome == "failed":
        return "failed" if report.when == "call" else "error"
    if report.outcome == "skipped":
        return "xfailed" if expected_to_fail else "skipped"
    if report.when != "call":
        return ""
    return "xpassed" if expected_to_fail else "passed"


def reason(report):
    """Why a test was skipped or expected to fail."""
    if getattr(report, "wasxfail", ""):
        return str(report.wasxfail)
    longrepr = report.longrepr
    text = longrepr[2] if isinstance(longrepr, tuple) and len(longrepr) == 3 else str(longrepr or "")
    return text[9:] if text.startswith("Skipped: ") else text


def crash(report, path):
    """The message of a failure, and the line in the test's own file where it happened, 0 if elsewhere."""
    longrepr = report.longrepr
    where = getattr(longrepr, "reprcrash", None)
    line = 0
    entries = getattr(getattr(longrepr, "reprtraceback", None), "reprentries", None) or []
    for entry in entries:
        location = getattr(entry, "reprfileloc", None)
        if location is not None and same(location.path, path):
            line = location.lineno
    if where is None:
        lines = [text for text in str(longrepr or "").splitlines() if text.strip()]
        marked = [text[1:].strip() for text in lines if text.startswith("E ")]
        if marked and marked[0].startswith('File "'):  # of a syntax error the end tells what, the start where
            place = re.match(r'File "(.*)", line (\d+)', marked[0])
            if place and same(place.group(1), path):
                line = int(place.group(2))
            marked.insert(0, marked[-1])
        return (marked or lines or [""])[-1 if not marked else 0], line
    if not line and same(where.path, path):
        line = where.lineno
    return str(where.message), line


def same(shown, path):
    """Whether a traceback's file name, absolute or shortened, means the test's file."""
    return os.path.normpath(os.path.join(START, str(shown))) == os.path.join(START, path)


def own_part(trace):
    """The traceback of a file that could not be loaded, without the frames of pytest and of importing."""
    kept, foreign = [], False
    for text in trace.splitlines():
        frame = re.match(r"(\S.*):\d+: in ", text)
        if frame:
            name = frame.group(1).replace(os.sep, "/")
            foreign = (
                re.search(r"/_pytest/|/importlib/|^<frozen |/lib/python[^/]+/ast\.py$", name) is not None
            )
        elif text.startswith("E "):
            foreign = False
        if not foreign:
            kept.append(text)
    return "\n".join(kept)


def long_text(report):
    """The traceback, then what the test printed."""
    text = getattr(report, "longreprtext", None)
    parts = [str(report.longrepr or "") if text is None else text]
    for title, content in getattr(report, "sections", ()):
        if content.strip():
            parts.append("--- {} ---\n{}".format(title, content[-SECTION_CHARS:].rstrip("\n")))
    return "\n".join(parts)[-TRACE_CHARS:]


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    root = os.path.relpath(str(config.rootdir if not hasattr(config, "rootpath") else config.rootpath))
    prefix = "" if root == "." else root.replace(os.sep, "/") + "/"
    select = json.loads(os.environ.get("KIMI_MCP_SELECT", "null"))
    if select:
        config.pluginmanager.register(Chooser(prefix, select["ids"], select["parts"]), "kimi-mcp-chooser")
    source = os.environ.get("KIMI_MCP_SOURCE")
    if source and source not in sys.path:
        sys.path.append(source)  # last: an installed package, compiled parts and all, goes before
    path = os.environ.pop("KIMI_MCP_EVENTS", None)  # so that a pytest inside a test writes nothing
    if path and not hasattr(config, "workerinput") and not hasattr(config, "slaveinput"):
        config.pluginmanager.register(Reporter(path, prefix), "kimi-mcp-reporter")
