"""What ends the server from outside: signals, and the death of its parent. Standard library only."""

import os
import signal
from types import FrameType


class Ended(BaseException):
    """A signal asks us to end; raised in the main thread wherever it is, also where it waits for a slow reader."""


def end_on_signals() -> int:
    """Raise `Ended` on the first signal that asks us to end.

    The descriptor becomes readable with it: the kernel may give the signal to another thread, and then
    nothing else wakes the main thread, in which Python runs its handlers.
    """
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write)

    def end(_number: int, _frame: FrameType | None) -> None:
        for number in signals:
            signal.signal(number, signal.SIG_IGN)
        raise Ended

    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    for number in signals:
        signal.signal(number, end)
    return read


def watch(process: int) -> int:
    """A descriptor that becomes readable when a process, our parent, dies; -1 where the system has none.

    The end of input says the same, unless another process holds the pipe's other end.
    """
    if not hasattr(os, "pidfd_open"):
        return -1
    try:
        return os.pidfd_open(process)
    except OSError:
        return -1
