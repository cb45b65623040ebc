"""Predictions: the patches of a batch in the form that the official harness takes."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from kimi_mcp.swebench.batch import write_whole
from kimi_mcp.swebench.errors import BatchError
from kimi_mcp.swebench.source import data


def write_predictions(path: Path, model: str, patches: Iterable[tuple[str, str]]) -> None:
    """`preds.jsonl` as the official harness takes it: instance_id, model_name_or_path, model_patch."""
    rows = [
        json.dumps({"instance_id": name, "model_name_or_path": model, "model_patch": patch})
        for name, patch in patches
    ]
    write_whole(path, "".join(f"{row}\n" for row in rows))


def read_predictions(path: Path) -> dict[str, str]:
    """Patches by instance id, from JSONL, a JSON list, or a JSON object by id. Raises `BatchError`."""
    try:
        rows = _prediction_rows(data(path).decode("utf-8-sig"))
        found = [(row["instance_id"], row["model_patch"] or "") for row in rows]
        if not all(isinstance(name, str) and isinstance(patch, str) for name, patch in found):
            raise TypeError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BatchError(
            f"{path} does not hold predictions: each needs an instance_id and a model_patch."
        ) from None
    if not found:
        raise BatchError(f"{path} holds no predictions.")
    patches: dict[str, str] = {}
    for name, patch in found:
        if patches.setdefault(name, patch) != patch:
            raise BatchError(f"{path} holds two different patches for {name}; remove one.")
    return patches


def _prediction_rows(text: str) -> list[Any]:
    try:
        whole: object = json.loads(text)
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    rows = cast(dict[str, Any] | list[Any], whole)
    if isinstance(rows, dict):
        return [rows] if "instance_id" in rows else list(rows.values())
    return rows
