"""Reading and writing whole files."""

from kimi_tools.clip import clip
from kimi_tools.tool import Data, Param, Params, Result, tool
from kimi_tools.workspace import Workspace


class ReadFileParams(Params):
    path: str = Param("File, relative to the root")
    start: int = Param("First line", default=1, ge=1)
    count: int = Param("Lines at most", default=400, ge=1)


class FileText(Data):
    """Lines `first` to `last` (1-based, inclusive) of `total`."""

    path: str
    first: int
    last: int
    total: int
    text: str
    hash: str


@tool("Read a file", "Read numbered lines of a text file.", toolset="files", effect="reads")
async def read_file(workspace: Workspace, params: ReadFileParams) -> Result:
    content = workspace.read(params.path)
    lines = content.text.splitlines()
    shown = lines[params.start - 1 : params.start - 1 + params.count]
    last = params.start + len(shown) - 1
    head = f"{content.path} lines {params.start}-{last} of {len(lines)}, hash {content.hash}"
    body = "\n".join(f"{number:>5}  {line}" for number, line in enumerate(shown, params.start))
    data = FileText(
        path=content.path,
        first=params.start,
        last=last,
        total=len(lines),
        text="\n".join(shown),
        hash=content.hash,
    )
    return Result(clip(f"{head}\n{body}", workspace.result_chars), data)
