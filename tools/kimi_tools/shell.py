"""`run_command`: a shell command in the sandbox.

Nothing is kept between calls, neither variables nor the directory.
"""

from functools import cache
from pathlib import Path

from kimi_tools.clip import clip, plain, weight
from kimi_tools.errors import BadArguments
from kimi_tools.process import Finished, program
from kimi_tools.progress import report
from kimi_tools.tool import Data, Param, Params, Result, tool
from kimi_tools.workspace import Workspace

MAX_SECONDS = 3600


class RunCommandParams(Params):
    command: str = Param("bash command line")
    cwd: str = Param("Directory", default=".")
    timeout: int = Param("Seconds", default=120, ge=1, le=MAX_SECONDS)


class CommandResult(Data):
    """How a command ended.

    `exit_code` is the shell's (128 + signal for a killed one); `stopped` says why it was ended when it used too
    much memory or too many processes; `output` is cut in its middle.
    """

    exit_code: int
    seconds: float
    timed_out: bool
    stopped: str
    sandbox: str
    output: str


@tool(
    "Run a command",
    "Run a shell command; stateless, no stdin. Gives exit code and output.",
    toolset="shell",
    effect="executes",
)
async def run_command(workspace: Workspace, params: RunCommandParams) -> Result:
    if "\0" in params.command or not params.command.strip():
        raise BadArguments("The command is empty or holds a NUL character; give a shell command line.")
    done = await workspace.run(
        [shell(), "-c", params.command],
        cwd=params.cwd,
        timeout=params.timeout,
        on_output=lambda piece: report(last_line(piece[-2000:])),
    )
    head = "\n".join([_headline(done, params.timeout), *done.notes])
    output = clip(
        plain(done.text).rstrip("\n"),
        workspace.result_chars - weight(head) - 4,
        more="narrow the output, for example with grep or tail",
    )
    data = CommandResult(
        exit_code=done.exit_code,
        seconds=round(done.seconds, 2),
        timed_out=done.timed_out,
        stopped=done.stopped,
        sandbox=done.sandbox,
        output=output,
    )
    return Result(f"{head}\n{output}" if output else f"{head}\n[no output]", data)


@cache
def shell() -> str:
    """bash where there is one, else sh."""
    return next((path for path in ("/bin/bash", "/usr/bin/bash") if Path(path).exists()), "") or program("sh")


def last_line(piece: bytes) -> str:
    """The last line of a piece of output, for a report of progress."""
    lines = plain(piece.decode("utf-8", "replace")).rstrip("\n").split("\n")
    return lines[-1][:200]


def _headline(done: Finished, timeout: int) -> str:
    if done.timed_out:
        ended = f"timed out after {timeout} s and was ended; give a longer timeout or a smaller task"
    else:
        ended = f"{done.ending} after {done.seconds:.1f} s"
    return f"{ended} (sandbox: {done.sandbox})"
