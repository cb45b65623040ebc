"""What a tool is: one declaration from which every face is made.

::

    class ReadFileParams(Params):
        path: str = Param("File, relative to the root")
        start: int = Param("First line", default=1, ge=1)

    @tool("Read a file", "Reads numbered lines of a text file.", toolset="files", effect="reads")
    async def read_file(workspace: Workspace, params: ReadFileParams) -> Result: ...

The MCP schema, the model's function schema, the `call` command and the README table all come from it.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, TypeVar, cast, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kimi_tools import redact
from kimi_tools.clip import clip, clip_line
from kimi_tools.errors import BadArguments, NotAllowed, ToolError
from kimi_tools.policy import NeedsLeave
from kimi_tools.visible import reveal
from kimi_tools.workspace import Workspace

Effect = Literal["reads", "edits", "executes"]
"""What a call can change: nothing; files of the workspace (journalled, undoable); anything a command can."""

Toolset = Literal["search", "symbols", "files", "edit", "test", "git", "shell", "resolve"]

TOOLSETS: tuple[Toolset, ...] = get_args(Toolset)


class Params(BaseModel):
    """The arguments of one tool: flat, primitive or a list of primitives, with defaults that are not None.

    Clients mishandle `anyOf` and `$ref` (Codex, Gemini) and drop unknown arguments silently (the SDK), so
    the first two are never produced and unknown names are refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class Data(BaseModel):
    """The facts of a result for programs; the same facts as its text."""

    model_config = ConfigDict(frozen=True)


_REQUIRED: Any = ...


def Param(description: str, default: Any = _REQUIRED, **limits: Any) -> Any:
    """A parameter: its description, its default (none: required), and pydantic's limits (`ge`, `le` …)."""
    return Field(default, description=description, **limits)


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool answers.

    `text` is what a model reads: bounded, key facts first, says how to get the rest. `data` is the same for
    programs.
    """

    text: str
    data: Data


Run = Callable[[Workspace, Any], Awaitable[Result]]


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool of the workshop; made by the decorator `tool`."""

    name: str
    title: str
    description: str
    toolset: Toolset
    effect: Effect
    params: type[Params]
    run: Run

    def input_schema(self) -> dict[str, Any]:
        """The JSON Schema of the arguments: one flat object, no titles, no references, nothing nullable."""
        return _flat_schema(self.params)

    def parse(self, arguments: Mapping[str, Any]) -> Params:
        """The typed arguments.

        Raises `BadArguments` with one sentence that names each wrong argument and what is accepted.
        """
        try:
            _require_whole_characters(self, arguments)
            return self.params.model_validate(dict(arguments))
        except ValidationError as error:
            raise BadArguments(_explain(self, error)) from None

    async def __call__(self, workspace: Workspace, arguments: Mapping[str, Any]) -> Result:
        """Check the arguments and run; ask for leave where it is needed; take secrets out of what is told.

        The tools bound their texts where it makes sense; here is the last bound, for what none thought of.

        Raises `ToolError` for what the caller can act on.
        """
        try:
            result = await self._run_with_leave(workspace, self.parse(arguments))
        except ToolError as error:
            error.args = tuple(clip(redact.mask(str(part)), _ERROR_CHARS) for part in error.args)
            raise
        finally:
            workspace.policy.strangers_were_read()
        result = _masked(result)
        return replace(result, text=clip(result.text, workspace.result_chars))

    async def _run_with_leave(self, workspace: Workspace, params: Params) -> Result:
        for _ in range(_MOST_QUESTIONS):
            try:
                return await self.run(workspace, params)
            except NeedsLeave as need:  # raised before the first effect, so the call can be made again
                await workspace.policy.settle(need)
        raise NotAllowed(
            f"One call of {self.name} needs leave more than {_MOST_QUESTIONS} times; do less at once."
        )


_MOST_QUESTIONS = 20

_ERROR_CHARS = 3_000
"""What an error's text may weigh: room for the nearest text of a refused edit, none for an echoed argument."""

P = TypeVar("P", bound=Params)


class Declare(Protocol):
    """What `tool` returns: it takes a tool's function, whatever its parameter type, and gives the tool."""

    def __call__(self, function: Callable[[Workspace, P], Awaitable[Result]], /) -> Tool: ...


def tool(title: str, description: str, *, toolset: Toolset, effect: Effect) -> "Declare":
    """Declare the decorated async function as a tool; its name and parameter type come from the function.

    `description` starts with a sentence that is enough by itself: some clients show only that line.
    """

    def declare(function: Callable[[Workspace, P], Awaitable[Result]]) -> Tool:
        hints = get_type_hints(function)
        params = cast(type[Params], hints["params"])
        return Tool(function.__name__, title, description, toolset, effect, params, cast(Run, function))

    return declare


def _masked(result: Result) -> Result:
    text = redact.mask(result.text)
    data = result.data
    try:
        as_json = data.model_dump_json().encode()
    except ValueError:  # the name of a file that is no UTF-8, which no client can be sent
        data = type(data).model_validate(_each_text(data.model_dump(), reveal))
        as_json = data.model_dump_json().encode()
        text = reveal(text)
    if redact.mask_bytes(as_json) is not as_json:
        data = type(data).model_validate(_each_text(data.model_dump(), redact.mask))
    return result if text is result.text and data is result.data else replace(result, text=text, data=data)


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {
            _each_text(key, change): _each_text(item, change)
            for key, item in cast(dict[Any, Any], value).items()
        }
    if isinstance(value, list | tuple):
        return [_each_text(item, change) for item in cast(list[Any], value)]
    return value


def _flat_schema(params: type[Params]) -> dict[str, Any]:
    schema = params.model_json_schema()
    properties = {
        name: {key: value for key, value in declared.items() if key in _TOLD and not _is_empty(key, value)}
        for name, declared in cast(dict[str, dict[str, Any]], schema.get("properties", {})).items()
    }
    flat: dict[str, Any] = {"type": "object", "properties": properties}
    if schema.get("required"):
        flat["required"] = schema["required"]
    return flat


_TOLD = ("description", "type", "items", "enum", "const", "default")
"""What a client reads of a parameter. It pays for every word of every call: limits are told when they are
broken, unknown names are refused, and that an empty default is empty goes without saying."""


def _is_empty(key: str, value: Any) -> bool:
    return key == "default" and value in ("", False, 0, [])


def _require_whole_characters(tool: Tool, arguments: Mapping[str, Any]) -> None:
    """JSON can carry half of a surrogate pair; no file, database or process takes one."""
    for name, value in arguments.items():
        for text in cast(list[Any], value) if isinstance(value, list) else [value]:
            if isinstance(text, str) and not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
                raise BadArguments(
                    f"{tool.name}: '{clip_line(name, 100)}' holds half a character; send whole ones."
                )


def _explain(tool: Tool, error: ValidationError) -> str:
    parts: list[str] = []
    for problem in error.errors(include_url=False, include_context=False):
        name = ".".join(str(part) for part in problem["loc"]) or "arguments"
        match problem["type"]:
            case "missing":
                parts.append(f"'{name}' is missing")
            case "extra_forbidden":
                parts.append(f"there is no argument '{name}'")
            case _:
                message = re.sub(r"^(Input|Value|String) ", "", problem["msg"])
                parts.append(f"'{name}': {message[:1].lower()}{message[1:]}")
    known = ", ".join(tool.params.model_fields)
    return f"{tool.name}: {'; '.join(parts)}. Arguments: {known or 'none'}."
