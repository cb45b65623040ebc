"""What the user's prompt holds: text, files, images."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from acp import schema

from kimi_mcp.model.messages import Image

IMAGE_BYTES = 10_000_000
"""Of one picture; hosts refuse bodies of a few times that."""

_LEFT_OUT = "[a part of the prompt that is neither text nor a picture was left out]"


def said(blocks: Sequence[Any]) -> tuple[str, tuple[Image, ...]]:
    """A prompt's blocks as text and images; files come as their path, or with their text where it was sent."""
    parts: list[str] = []
    images: list[Image] = []
    for block in blocks:
        match block:
            case schema.TextContentBlock():
                parts.append(block.text)
            case schema.ImageContentBlock(data=data, mime_type=kind):
                parts += _picture(data, kind, images)
            case schema.ResourceContentBlock():
                parts.append(f"[{block.name}]({path(block.uri)})")
            case schema.EmbeddedResourceContentBlock(resource=schema.TextResourceContents() as resource):
                parts.append(f"\n<file path={path(resource.uri)!r}>\n{resource.text}\n</file>\n")
            case schema.EmbeddedResourceContentBlock(resource=schema.BlobResourceContents() as resource) if (
                resource.mime_type or ""
            ).startswith("image/"):
                parts += _picture(resource.blob, resource.mime_type or "", images)
            case _:
                parts.append(_LEFT_OUT)
    return " ".join(parts).strip(), tuple(images)


def _picture(data: str, kind: str, images: list[Image]) -> list[str]:
    try:
        picture = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return ["[a picture that is not base64 was left out]"]
    if len(picture) > IMAGE_BYTES:
        return [f"[a picture of {len(picture):,} bytes was left out; send one below {IMAGE_BYTES:,}]"]
    images.append(Image(picture, kind))
    return []


def path(uri: str) -> str:
    """The path of a `file:` address, which may name lines behind `#`; other addresses as they are."""
    if not uri.startswith("file:"):
        return uri
    parts = urlsplit(uri)
    return unquote(parts.path) + (f"#{parts.fragment}" if parts.fragment else "")
