"""What the user's prompt holds: text, files, images; and a sentence for each part that cannot be taken."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from acp import schema

from kimi_mcp.model.messages import Image
from kimi_tools.clip import clip

IMAGE_BYTES = 10_000_000
"""Of one picture; hosts refuse bodies of a few times that."""

IMAGE_KINDS = ("image/png", "image/jpeg", "image/webp", "image/gif")
"""What Kimi models take."""

FILE_CHARS = 100_000
"""Of one file whose text is sent along, some 25k tokens; the model reads the rest itself."""

_LINES = re.compile(r"L(\d+)(?:[:-]L?(\d+))?\Z")


@dataclass(slots=True)
class Said:
    """A prompt as text and images. `refused`: a sentence for the user about each part that was left out."""

    text: str = ""
    images: tuple[Image, ...] = ()
    refused: list[str] = field(default_factory=lambda: list[str]())


def said(blocks: Sequence[Any]) -> Said:
    """A prompt's blocks; files come as their path, or with their text where it was sent."""
    found = Said()
    parts = [_part(block, found) for block in blocks]
    found.text = " ".join(part for part in parts if part).strip()
    return found


def _part(block: Any, found: Said) -> str:
    match block:
        case schema.TextContentBlock():
            return block.text
        case schema.ImageContentBlock(data=data, mime_type=kind):
            return _picture(data, kind, found)
        case schema.ResourceContentBlock():
            return f"[{block.name}]({path(block.uri)})"
        case schema.EmbeddedResourceContentBlock(resource=schema.TextResourceContents() as resource):
            text = clip(resource.text, FILE_CHARS, more="read the file")
            return f"\n<file path={path(resource.uri)!r}>\n{text}\n</file>\n"
        case schema.EmbeddedResourceContentBlock(resource=schema.BlobResourceContents() as resource):
            if (resource.mime_type or "").startswith("image/"):
                return _picture(resource.blob, resource.mime_type or "", found)
            found.refused.append(
                f"{path(resource.uri)} is no text and no picture; the model sees only its name."
            )
            return f"[{path(resource.uri)}]"
        case schema.AudioContentBlock():
            found.refused.append("The model cannot hear: the audio was left out. Write what it says.")
        case _:
            found.refused.append("A part of the prompt that is neither text nor a picture was left out.")
    return ""


def _picture(data: str, kind: str, found: Said) -> str:
    """Add a picture, or the sentence why not; nothing of it is text."""
    try:
        picture = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        found.refused.append("A picture that is not base64 was left out.")
        return ""
    if kind not in IMAGE_KINDS:
        kinds = ", ".join(one.removeprefix("image/") for one in IMAGE_KINDS)
        found.refused.append(f"A picture of the kind {kind} was left out; the model takes {kinds}.")
    elif len(picture) > IMAGE_BYTES:
        found.refused.append(
            f"A picture of {len(picture):,} bytes was left out; send one below {IMAGE_BYTES:,}."
        )
    else:
        found.images += (Image(picture, kind),)
    return ""


def path(uri: str) -> str:
    """The path of a `file:` address, with the lines that it may name; other addresses as they are."""
    if not uri.startswith("file:"):
        return uri
    parts = urlsplit(uri)
    name = unquote(parts.path)
    if lines := _LINES.match(parts.fragment):
        return f"{name} lines {lines[1]}-{lines[2] or lines[1]}"
    return name + (f"#{parts.fragment}" if parts.fragment else "")
