"""Stands between a client and the server and writes down what each says: `python tap.py LOG COMMAND …`.

Each line of LOG is `[seconds, "client" | "server" | "event", text]`. Standard library only, and quick to
start, so that the client meets the server as it is.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time

log_path, *command = sys.argv[1:]
lock = threading.Lock()


def note(who: str, text: str) -> None:
    line = json.dumps([time.time(), who, text]) + "\n"
    with lock, open(log_path, "a", encoding="utf-8") as file:
        file.write(line)


note("event", "started in " + os.getcwd())
server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
assert server.stdin is not None and server.stdout is not None


def pass_signal(number: int, _: object) -> None:
    server.send_signal(number)
    threading.Thread(target=note, args=("event", signal.Signals(number).name)).start()


for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, pass_signal)


def from_server() -> None:
    for line in server.stdout:  # type: ignore[union-attr]
        note("server", line.decode("utf-8", "replace"))
        try:
            os.write(1, line)
        except OSError:
            break


reader = threading.Thread(target=from_server, daemon=True)
reader.start()


def from_client() -> None:
    rest = b""
    while piece := os.read(0, 65_536):
        server.stdin.write(piece)  # type: ignore[union-attr]
        server.stdin.flush()  # type: ignore[union-attr]
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            note("client", line.decode("utf-8", "replace"))
    note("event", "end of input")
    server.stdin.close()  # type: ignore[union-attr]


threading.Thread(target=from_client, daemon=True).start()
code = server.wait()
reader.join(1)
note("event", f"ended with {code}")
os._exit(code if code >= 0 else 1)
