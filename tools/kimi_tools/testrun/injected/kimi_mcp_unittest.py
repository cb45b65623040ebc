"""Runs unittest tests, or a script that runs some, and writes what happens to each test as it happens.

    python -m kimi_mcp_unittest select.json          discover and run
    python -m kimi_mcp_unittest --script FILE ...    run a script (manage.py, runtests.py) with arguments

The results are read off `unittest.TestResult` itself, so every runner built on it is covered.
"""

import fnmatch
import functools
import inspect
import json
import os
import runpy
import sys
import time
import traceback
import unittest

PATTERNS = ("test*.py", "*_test.py", "*_tests.py", "tests.py")
TRACE_CHARS = 20000
RUNNER = os.path.dirname(unittest.__file__) + os.sep
HERE = os.path.abspath(__file__)


class Events:
    """The event file; several processes may append to it, one whole line at a time."""

    def __init__(self, path):
        self.descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, **event):
        os.write(self.descriptor, (json.dumps(event) + "\n").encode())


def place(test):
    """Where a test is defined: a path relative to the start directory and a line."""
    case = getattr(test, "test_case", test)
    method = getattr(type(case), getattr(case, "_testMethodName", ""), None)
    try:
        function = inspect.unwrap(method) if method else type(case)
        path = inspect.getsourcefile(function) or ""
        line = function.__code__.co_firstlineno if hasattr(function, "__code__") else 0
        return ("", 0) if not path or path.startswith(RUNNER) else (os.path.relpath(path), line)
    except (TypeError, ValueError, OSError):
        return "", 0


class Recorder:
    """Turns the calls of one `TestResult` into events."""

    def __init__(self, events):
        self.events = events
        self.started = {}
        self.ends = {}

    def start(self, test):
        if type(test).__name__ == "_FailedTest":
            return  # a module that could not be imported; its error comes
        path, line = place(test)
        self.started[test.id()] = (time.time(), path, line)
        self.events.write(event="start", id=test.id(), path=path, line=line)

    def end(self, test, status, err=None, message=""):
        id = test.id()
        if type(test).__name__ == "_FailedTest":
            self.failed_import(test, err)
            return
        before = self.ends.get(id)
        if before and before["status"] in ("failed", "error"):
            return
        path, line = place(test) if id not in self.started else self.started[id][1:]
        end = {"status": status, "path": path, "line": line, "message": message, "trace": ""}
        if err is not None:
            end.update(describe(err, path, line))
        self.ends[id] = end
        if id not in self.started:  # setUpClass, setUpModule: no test of its own
            self.write(id, end)

    def stop(self, test):
        end = self.ends.get(test.id())
        if end:
            self.write(test.id(), end)
        self.started.pop(test.id(), None)

    def write(self, id, end):
        begun = self.started.get(id)
        seconds = time.time() - begun[0] if begun else 0.0
        self.events.write(event="end", id=id, seconds=seconds, **end)
        self.ends.pop(id, None)

    def failed_import(self, test, err):
        name, path = getattr(test, "kimi_mcp_module", None) or (test.id().rpartition(".")[2], "")
        cause = getattr(test, "_exception", None)
        text = str(cause if cause is not None else err[1])
        lines = [line for line in text.splitlines() if line.strip()]
        self.events.write(
            event="end",
            id=name,
            path=path,
            status="error",
            message=lines[-1] if lines else "",
            trace=text[-TRACE_CHARS:],
            collecting=True,
        )
        self.started.pop(test.id(), None)


def describe(err, path, line):
    """The message of a failure, its line in the test's file, and the traceback without unittest's frames.

    Of a failure that has no test (a class's or a module's set-up) the place is where it happened.
    """
    kind, value, trace = err
    frames = [(frame.f_code.co_filename, number) for frame, number in traceback.walk_tb(trace)]
    frames = [frame for frame in frames if not frame[0].startswith(RUNNER)]
    if not path and frames:
        path = os.path.relpath(frames[-1][0])
    inside = [number for name, number in frames if path and os.path.abspath(name) == os.path.abspath(path)]
    try:
        shown = traceback.TracebackException(kind, value, trace)
        hide_runner(shown)
        text = "".join(shown.format())
        message = "".join(shown.format_exception_only()).strip()
    except Exception as problem:  # an exception whose __str__ fails
        text = message = "{} (cannot be shown: {!r})".format(kind, problem)
    line = inside[-1] if inside else line
    return {"message": message, "path": path, "line": line, "trace": text[-TRACE_CHARS:]}


def hide_runner(shown):
    while shown is not None:
        kept = [frame for frame in shown.stack if not frame.filename.startswith(RUNNER)]
        shown.stack[:] = kept or shown.stack
        shown = shown.__cause__ or shown.__context__


def watch(events):
    """Make every TestResult of this process and its forks tell us what it is told."""
    result = unittest.TestResult
    recorders = {}

    def recorder():
        return recorders.setdefault(os.getpid(), Recorder(events))

    def wrap(name, tell):
        original = getattr(result, name)

        @functools.wraps(original)
        def method(self, *args, **kwargs):
            try:
                tell(recorder(), *args)
            except Exception:  # never spoil a run by watching it
                traceback.print_exc()
            return original(self, *args, **kwargs)

        setattr(result, name, method)

    wrap("startTest", Recorder.start)
    wrap("stopTest", Recorder.stop)
    wrap("addSuccess", lambda r, test: r.end(test, "passed"))
    wrap("addFailure", lambda r, test, err: r.end(test, "failed", err))
    wrap("addError", lambda r, test, err: r.end(test, "error" if outside(test, err) else "failed", err))
    wrap("addSkip", lambda r, test, reason: r.end(test, "skipped", message=str(reason)))
    wrap("addExpectedFailure", lambda r, test, err: r.end(test, "xfailed"))
    wrap("addUnexpectedSuccess", lambda r, test: r.end(test, "xpassed"))
    wrap("addSubTest", subtest)
    run = unittest.TextTestRunner.run

    @functools.wraps(run)
    def counted(self, test):
        parts = getattr(test, "subsuites", None) or [test]  # Django's parallel suite
        events.write(event="total", count=sum(part.countTestCases() for part in parts))
        return run(self, test)

    unittest.TextTestRunner.run = counted


def outside(test, err):
    """Whether an error did not come out of the test's own method (set-up, tear-down, class, module)."""
    name = getattr(getattr(test, "test_case", test), "_testMethodName", None)
    return name is None or not any(f.f_code.co_name == name for f, _ in traceback.walk_tb(err[2]))


def subtest(recorder, test, subtest, err):
    if err is None:
        return
    recorder.end(test, "failed", err)
    end = recorder.ends.get(test.id())
    if end and not end["message"].startswith("["):
        end["message"] = "[{}] {}".format(subtest._subDescription(), end["message"])


def modules(paths):
    """(top directory, module name) of each test file in files and directories, in order."""
    for path in paths:
        if os.path.isfile(path):
            yield module(path)
            continue
        for folder, folders, files in os.walk(path):
            folders[:] = sorted(f for f in folders if not f.startswith(".") and keep(folder, f))
            for name in sorted(files):
                if any(fnmatch.fnmatch(name, pattern) for pattern in PATTERNS):
                    yield module(os.path.join(folder, name))


def keep(folder, name):
    return name not in ("node_modules", "build", "dist", "__pycache__") and not os.path.exists(
        os.path.join(folder, name, "pyvenv.cfg")
    )


def module(path):
    path = os.path.abspath(path)
    parts = [os.path.splitext(os.path.basename(path))[0]]
    folder = os.path.dirname(path)
    while os.path.exists(os.path.join(folder, "__init__.py")):
        parts.insert(0, os.path.basename(folder))
        folder = os.path.dirname(folder)
    return folder, ".".join(parts)


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            for one in flat(test):
                yield one
        else:
            yield test


def wanted(test, ids, parts):
    id = test.id()
    if type(test).__name__ == "_FailedTest" or not (ids or parts):
        return True
    return any(id == name or id.startswith(name + ".") for name in ids) or any(p in id for p in parts)


def discover(select):
    loader = unittest.TestLoader()
    suite = unittest.TestSuite()
    for folder, name in modules(select["paths"]):
        if folder not in sys.path:
            sys.path.insert(0, folder)
        tests = loader.loadTestsFromName(name)
        chosen = [test for test in flat(tests) if wanted(test, select["ids"], select["parts"])]
        for test in chosen:
            if type(test).__name__ == "_FailedTest":
                test.kimi_mcp_module = name, os.path.relpath(os.path.join(folder, *name.split("."))) + ".py"
        suite.addTests(chosen)
    return suite


def main():
    events = Events(os.environ.pop("KIMI_MCP_EVENTS"))
    watch(events)
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != os.path.dirname(HERE)]
    pid = os.getpid()
    try:
        if sys.argv[1] == "--script":
            sys.argv = sys.argv[2:]
            sys.path[0:1] = [os.path.dirname(os.path.abspath(sys.argv[0]))]
            runpy.run_path(sys.argv[0], run_name="__main__")
            code = 0
        else:
            with open(sys.argv[1], encoding="utf-8") as file:
                select = json.load(file)
            if os.getcwd() not in sys.path:
                sys.path.insert(0, os.getcwd())
            code = 0 if unittest.TextTestRunner(verbosity=2).run(discover(select)).wasSuccessful() else 1
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1 if end.code else 0
        if end.code and not isinstance(end.code, int):
            sys.stderr.write(str(end.code) + "\n")
    finally:
        if os.getpid() == pid:
            events.write(event="done")
    sys.stdout.flush()
    sys.exit(code)


if __name__ == "__main__":
    main()
