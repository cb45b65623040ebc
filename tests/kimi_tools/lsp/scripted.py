"""A language server that behaves as it is told: `python scripted.py MODE`.

Its answer names the place that was asked about, and one line of b.py.
"""

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

STILL_INDEXING = "serves later"
STALE: list[bool] = []


def read() -> dict[str, Any]:
    size = 0
    while line := sys.stdin.buffer.readline().strip():
        if line.startswith(b"Content-Length:"):
            size = int(line.split(b":")[1])
    if not size:
        os._exit(0)  # the client has gone
    return json.loads(sys.stdin.buffer.read(size))


def write(body: bytes) -> None:
    sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    sys.stdout.buffer.flush()


def say(**message: Any) -> None:
    write(json.dumps({"jsonrpc": "2.0", **message}).encode())


def ask(method: str, parameters: Any) -> Any:
    """Ask the client something; what it answers."""
    say(id="mine", method=method, params=parameters)
    while (message := read()).get("id") != "mine":
        pass
    return message["result"]


def status(kind: str) -> None:
    say(method="language/status", params={"type": kind, "message": kind})


def dance_of_jdtls(ready: bool) -> None:
    """What jdtls does between `initialized` and the moment from which its answers are whole."""
    status("Starting")
    ask("window/workDoneProgress/create", {"token": "t"})
    say(method="$/progress", params={"token": "t", "value": {"kind": "begin", "title": "Initialize"}})
    registered = [{"id": "1", "method": "workspace/didChangeWatchedFiles"}]
    assert ask("client/registerCapability", {"registrations": registered}) is None
    assert ask("workspace/executeClientCommand", {"command": "_java.reloadBundles", "arguments": []}) is None
    assert ask("workspace/configuration", {"items": [{"section": "java"}, {"section": "x"}]}) == [None, None]
    say(method="$/progress", params={"token": "t", "value": {"kind": "end"}})
    status("Started")
    if ready:
        status("ServiceReady")


RUBBISH: dict[str, bytes] = {
    "says a list": b"[1, 2]",
    "says a word": b'"word"',
    "says no JSON": b"\xff\xfe{",
    "says what is nested too deeply": b"[" * 100_000,
    "answers nobody": b'{"jsonrpc": "2.0", "id": {"a": 1}, "result": 1}',
    "answers with a number": b'{"jsonrpc": "2.0", "id": 2, "result": 5}',
    "refuses with a word": b'{"jsonrpc": "2.0", "id": 2, "error": "no"}',
    "notifies with rubbish": b'{"method": "textDocument/publishDiagnostics", "params": {"version": [1]}}',
}


def answer(mode: str, message: dict[str, Any], root: str, serving: bool) -> None:
    """React to the question for references."""
    if mode == "hangs in a request":
        time.sleep(600)
    if mode == "dies before its child":
        subprocess.Popen(["/bin/sleep", "600"])
    if mode in ("dies in a request", "dies before its child"):
        os._exit(3)
    if mode in RUBBISH:
        write(RUBBISH[mode])
    if mode == "promises more than it says":
        sys.stdout.buffer.write(b"Content-Length: 1000\r\n\r\n{")
        sys.stdout.buffer.flush()
        time.sleep(600)
    if mode == "floods its errors":
        os.write(2, b"trouble\n" * 1_000_000)
    if mode == "is huge":
        say(id=message["id"], result=[{"uri": "file:///elsewhere", "pad": "x" * 20_000_000}])
    asked = message["params"]
    itself = {"uri": asked["textDocument"]["uri"], "range": {"start": asked["position"]}}
    if mode == "is about something else" or (mode == "is about something else at first" and not STALE):
        STALE.append(True)
        itself["range"] = {"start": {**asked["position"], "character": 0}}
    place = {"uri": f"{root}/b.py", "range": {"start": {"line": 1, "character": 4}}}
    say(id=message["id"], result=[itself, place] if serving else [])


def main(mode: str) -> None:
    if mode == "hangs at its end":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if mode == "hangs at its start":
        time.sleep(600)
    root = ""
    serving = not mode.startswith("serves")
    while True:
        message = read()
        match message.get("method"):
            case "initialize":
                root = message["params"]["rootUri"]
                say(id=message["id"], result={"capabilities": {"referencesProvider": True}})
                if mode == "does not read":
                    time.sleep(600)
            case "initialized":
                if mode.startswith("serves"):
                    dance_of_jdtls(mode != STILL_INDEXING)
                    serving = mode != STILL_INDEXING
                while mode == "asks without end":
                    say(id="mine", method="client/registerCapability", params={})
            case "textDocument/references":
                answer(mode, message, root, serving)
            case _:
                pass


if __name__ == "__main__":
    main(sys.argv[1])
