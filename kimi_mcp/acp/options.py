"""What an editor offers the user to choose: modes, options, slash commands."""

import re
from collections.abc import Mapping
from typing import Any

from acp import schema

from kimi_mcp.acp.store import Leave, Place, Stored
from kimi_mcp.agent.events import Mode, Protocol
from kimi_mcp.model.profiles import retirement

LEAVES: dict[Leave, tuple[str, str]] = {
    "code": ("Code", "Edits files and runs commands in the sandbox"),
    "ask": ("Ask", "Answers from the code; changes nothing"),
    "plan": ("Plan", "Reads the code and makes a plan; changes nothing"),
}
THINKING: dict[Mode, tuple[str, str]] = {
    "thinking": ("Thinking", "Thinks between calls"),
    "instant": ("Instant", "Answers at once, without thinking"),
    "agent": ("Agent", "Thinks, and may ask a few helpers that read"),
    "swarm": ("Swarm", "As Agent, and begins with many helpers that read side by side"),
}
PLACES: dict[Place, tuple[str, str]] = {
    "tree": ("In your files", "/fix edits the files that you have open"),
    "copy": (
        "In a private copy",
        "/fix leaves your files alone; its patch is for review; /apply brings it in",
    ),
}
MODELS = ("kimi-k2.7-code", "kimi-k2.6", "kimi-k3.1-pro", "kimi-k3")
"""Those that Moonshot serves (`profiles`, November 2026). The host is asked when the turn begins, not here: an
editor opens sessions without a network."""

COMMANDS = {
    "fix": ("Resolve an issue: reproduce, fix, test, submit with evidence", "the issue"),
    "review": ("Review the uncommitted changes as a maintainer would; changes nothing", "what to look at"),
    "test": ("Run the tests around the uncommitted changes and explain failures", "which tests"),
    "apply": ("Bring the patch of a fix in a private copy into your files", ""),
    "undo": ("Take back the changes of the last turn", ""),
    "cost": ("What this session has used", ""),
}


def command(text: str) -> tuple[str, str]:
    """A prompt's slash command and what follows it; no command where it names none of ours."""
    found = re.match(r"/(\w+)\s*(.*)\Z", text, re.DOTALL)
    if found and found[1] in COMMANDS:
        return found[1], found[2]
    return "", text


def protocol(name: str, leave: Leave) -> Protocol:
    """How a turn runs: a submission for `/fix`, a plan in plan mode, else a conversation."""
    return "issue" if name == "fix" else "plan" if leave == "plan" and not name else "chat"


def modes(stored: Stored) -> schema.SessionModeState:
    """The modes and the one that is set."""
    found = [
        schema.SessionMode(id=name, name=title, description=text) for name, (title, text) in LEAVES.items()
    ]
    return schema.SessionModeState(available_modes=found, current_mode_id=stored.leave)


def config(stored: Stored, settled: str) -> list[Any]:
    """The options and what each is set to. Editors that know them show these in the place of `modes`.

    `settled`: the model of the user's settings, empty for the best.
    """
    names = dict.fromkeys([*filter(None, (settled, stored.model)), *MODELS])
    models = [schema.SessionConfigSelectOption(value="default", name=settled or "The best that the host has")]
    models += [schema.SessionConfigSelectOption(value=name, name=name) for name in names]
    return [
        _select("mode", "Mode", "mode", stored.leave, _choices(LEAVES)),
        _select("thinking", "Thinking", "thought_level", stored.mode, _choices(THINKING)),
        _select("model", "Model", "model", stored.model or "default", models),
        _select("place", "Fixing", None, stored.place, _choices(PLACES)),
    ]


def _choices(found: Mapping[Any, tuple[str, str]]) -> list[schema.SessionConfigSelectOption]:
    return [
        schema.SessionConfigSelectOption(value=name, name=title, description=text)
        for name, (title, text) in found.items()
    ]


def _select(
    name: str, title: str, category: Any, value: str, options: Any
) -> schema.SessionConfigOptionSelect:
    return schema.SessionConfigOptionSelect(
        type="select", id=name, name=title, category=category, current_value=value, options=options
    )


def changed(option: str, value: str | bool) -> dict[str, Any]:
    """What of a session an option sets. Raises `ValueError` with the sentence for the editor."""
    if option == "mode" and value in LEAVES:
        return {"leave": value}
    if option == "thinking" and value in THINKING:
        return {"mode": value}
    if option == "place" and value in PLACES:
        return {"place": value}
    if option == "model" and isinstance(value, str) and re.fullmatch(r"[\w./:@-]{1,200}", value):
        if why := retirement(value):
            raise ValueError(f"{value}: {why}.")
        return {"model": "" if value == "default" else value}
    raise ValueError(
        f"mode is one of {', '.join(LEAVES)}; thinking is one of {', '.join(THINKING)}; "
        f"place is one of {', '.join(PLACES)}; model is 'default' or a model's name"
    )


def commands() -> list[schema.AvailableCommand]:
    """The slash commands."""
    return [
        schema.AvailableCommand(
            name=name,
            description=description,
            input=schema.AvailableCommandInput(root=schema.UnstructuredCommandInput(hint=hint))
            if hint
            else None,
        )
        for name, (description, hint) in COMMANDS.items()
    ]
