"""Drives Toad, which is a screen: `python toad.py COMMAND …`, with `LOG`, the tap's file, and `PROMPT` set.

Types the prompt when the session is open, `a` when leave is asked for, and ends Toad when the turn has ended; each
again until the conversation shows that it came, because a slow screen loses what is typed too early. SIGINT becomes
its Escape, which cancels the turn. What it shows goes to standard output.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from pathlib import Path

SECONDS = 100
PAUSE = 1.0
"""Between two keys."""


def seen() -> str:
    """What was said so far."""
    log = Path(os.environ["LOG"])
    return log.read_text("utf-8") if log.exists() else ""


def main() -> None:
    """Press the keys that each step of the conversation asks for: from one text in it until another."""
    prompt = os.environ["PROMPT"].encode()
    steps = [
        ("configOptions", "session/prompt", (prompt, b"\r")),
        ("session/request_permission", "selected", (b"a",)),
        ("stopReason", "never", (b"\x11",)),
    ]
    child, screen = pty.fork()
    if child == 0:
        os.execvp(sys.argv[1], sys.argv[1:])
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 46, 130, 0, 0))
    signal.signal(signal.SIGINT, lambda *_: os.write(screen, b"\x1b"))
    end, pressed, presses = time.monotonic() + SECONDS, time.monotonic(), 0
    while time.monotonic() < end:
        if select.select([screen], [], [], 0.1)[0]:
            try:
                os.write(1, os.read(screen, 65_536))
            except OSError:
                break
        said = seen()
        for begins, ends, keys in steps:
            if begins in said and ends not in said and time.monotonic() - pressed > PAUSE:
                os.write(screen, keys[presses % len(keys)])
                pressed, presses = time.monotonic(), presses + 1
                break
    os.kill(child, signal.SIGTERM)


if __name__ == "__main__":
    main()
