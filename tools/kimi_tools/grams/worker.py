"""A worker process: contents in on standard input, their kinds and signatures out.

It opens no file of the workspace and ends when its input does, so also when its parent dies.
"""

import contextlib
import os
import pickle
import struct
import subprocess
import sys
from collections.abc import Sequence

from kimi_tools.grams.signature import Kind, read

_ANSWER = struct.Struct("<BI")
_NICE = 10


class Worker:
    """One worker. It stands in `/`: `-m` looks for modules where it stands, and a workspace's must not be found.

    Raises `OSError` where processes cannot be started.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        entries = [entry for entry in sys.path if os.path.isabs(entry)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "kimi_tools.grams.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={**environment, "PYTHONPATH": os.pathsep.join(entries)},
            start_new_session=True,
        )

    def read(self, contents: Sequence[bytes]) -> list[tuple[Kind, bytes]]:
        """What some contents are. Raises `OSError` when the worker has died."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        pickle.dump(list(contents), self._process.stdin, 5)
        self._process.stdin.flush()
        found: list[tuple[Kind, bytes]] = []
        for _ in contents:
            head = self._process.stdout.read(_ANSWER.size)
            if len(head) < _ANSWER.size:
                raise OSError("the worker has ended")
            kind, size = _ANSWER.unpack(head)
            found.append((Kind(kind), self._process.stdout.read(size)))
        return found

    def end(self) -> None:
        """Close its input, which ends it."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def main() -> None:
    """Serve until the input ends."""
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    while True:
        try:
            contents: list[bytes] = pickle.load(sys.stdin.buffer)  # noqa: S301 - our parent's
        except EOFError:
            return
        for data in contents:
            kind, bits = read(data)
            sys.stdout.buffer.write(_ANSWER.pack(kind, len(bits)) + bits)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
