"""Reading an issue: its text, and the pictures that it shows."""

import base64
import binascii
import re
from pathlib import Path

from kimi_mcp.model.messages import Image
from kimi_tools.errors import BadArguments, NotFound

MAX_IMAGES = 8
MAX_IMAGE_BYTES = 8 * 1024 * 1024
MAX_ISSUE_BYTES = 2 * 1024 * 1024

_LINK = re.compile(r"!\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)|<img[^>]*\bsrc=[\"']([^\"']+)[\"']", re.IGNORECASE)
_DATA = re.compile(r"data:(image/(?:png|jpeg|webp|gif));base64,(.+)", re.DOTALL)
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)


def read_issue(path: Path) -> tuple[str, tuple[Image, ...]]:
    """An issue file's text and pictures. Raises `NotFound`, `BadArguments`."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotFound(f"The issue file {path} cannot be read: {error.strerror}.") from None
    if len(data) > MAX_ISSUE_BYTES:
        raise BadArguments(
            f"The issue file {path} has {len(data):,} bytes; give at most {MAX_ISSUE_BYTES:,}."
        )
    text = data.decode("utf-8", "replace")
    return text, pictures(text, path.parent)


def pictures(text: str, folder: Path) -> tuple[Image, ...]:
    """The pictures that Markdown or HTML shows: files relative to `folder`, and `data:` addresses.

    What lies on the web is not fetched; what is no picture is left out.
    """
    found: list[Image] = []
    for match in _LINK.finditer(text):
        image = _picture(match[1] or match[2], folder)
        if image is not None and image not in found and len(found) < MAX_IMAGES:
            found.append(image)
    return tuple(found)


def picture(path: Path) -> Image:
    """One picture file. Raises `BadArguments` when it is none, or too large."""
    try:
        data = path.read_bytes() if path.stat().st_size <= MAX_IMAGE_BYTES else b""
    except OSError as error:
        raise BadArguments(f"The picture {path} cannot be read: {error.strerror}.") from None
    image = _recognised(data)
    if image is None:
        raise BadArguments(f"{path} is no PNG, JPEG, WebP or GIF of at most {MAX_IMAGE_BYTES:,} bytes.")
    return image


def _picture(address: str, folder: Path) -> Image | None:
    if data := _DATA.fullmatch(address):
        try:
            return _recognised(base64.b64decode(data[2], validate=True))
        except binascii.Error:
            return None
    if "://" in address:
        return None
    path = (folder / address).resolve()
    if not path.is_relative_to(folder.resolve()):  # an issue is a stranger's text
        return None
    try:
        return picture(path)
    except BadArguments:
        return None


def _recognised(data: bytes) -> Image | None:
    for magic, media_type in _MAGIC:
        if data.startswith(magic):
            return Image(data, media_type)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Image(data, "image/webp")
    return None
