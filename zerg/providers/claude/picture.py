"""Images inside records: named by where they stand, so that their bytes come from the archived record and nowhere else."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from zerg.errors import NotFound
from zerg.providers.claude.value import mapping, string

TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")  # no SVG: it can hold script

Path = tuple[str | int, ...]  # keys and indexes, from the record to the block


def reference(block: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """What an event's data say of an image block."""
    return {"media_type": string(mapping(block.get("source")).get("media_type")), "path": list(path)}


def image(value: Any, path: Sequence[str | int]) -> tuple[str, bytes]:
    """Media type and bytes of the image at `path` of a record's value."""
    source = mapping(_follow(value, path).get("source"))
    media_type, data = string(source.get("media_type")), string(source.get("data"))
    if source.get("type") != "base64" or media_type not in TYPES:
        raise NotFound("no image there")
    try:
        return media_type, base64.b64decode(data)
    except (binascii.Error, ValueError):
        raise NotFound("the image is damaged") from None


def _follow(value: Any, path: Sequence[str | int]) -> Mapping[str, Any]:
    for key in path:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            raise NotFound("no image there") from None
    return mapping(value)
