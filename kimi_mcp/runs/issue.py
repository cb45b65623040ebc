"""Reading an issue: its text, and the pictures that it shows."""

import base64
import binascii
import re
from dataclasses import dataclass
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


def read_issue(path: Path) -> str:
    """An issue file's text. Raises `NotFound`, `BadArguments`."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotFound(f"The issue file {path} cannot be read: {error.strerror}.") from None
    if len(data) > MAX_ISSUE_BYTES:
        raise BadArguments(
            f"The issue file {path} has {len(data):,} bytes; give at most {MAX_ISSUE_BYTES:,}."
        )
    return data.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Pictures:
    """What an issue shows, and a sentence on each picture that was left out."""

    images: tuple[Image, ...]
    left_out: tuple[str, ...]


def pictures(text: str, *folders: Path) -> Pictures:
    """The pictures that Markdown or HTML shows: files below one of `folders`, and `data:` addresses.

    What lies on the web is never fetched: an issue is a stranger's text.
    """
    found: list[Image] = []
    left_out: list[str] = []
    for match in _LINK.finditer(text):
        address = match[1] or match[2]
        shown = address if len(address) <= 80 else f"{address[:77]}…"
        if "://" in address:
            left_out.append(f"The picture {shown} is not fetched; download it and give it with --image.")
            continue
        image = next((one for folder in folders if (one := _picture(address, folder))), None)
        if image is None:
            left_out.append(f"The picture {shown} is left out: no PNG, JPEG, WebP or GIF was found there.")
        elif image not in found and len(found) < MAX_IMAGES:
            found.append(image)
        elif image not in found:
            left_out.append(f"The picture {shown} is left out: at most {MAX_IMAGES} are shown.")
    return Pictures(tuple(found), tuple(dict.fromkeys(left_out)))


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
