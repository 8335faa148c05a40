"""Files as GraphQL shows them: the text of small ones, and nothing of binary ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.fake_github.bare import BareRepository

TEXT_LIMIT = 512_000
"""Bytes of a blob's text that are shown; GitHub does not publish its own limit."""


def blob(git: BareRepository, oid: str) -> Mapping[str, Any]:
    """Return a blob by its object id."""
    data = git.blob(oid)
    binary = b"\0" in data or not _is_text(data)
    return {
        "__typename": "Blob",
        "oid": oid,
        "byteSize": len(data),
        "isBinary": binary,
        "isTruncated": not binary and len(data) > TEXT_LIMIT,
        "text": None if binary else data[:TEXT_LIMIT].decode("utf-8", "ignore"),
    }


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
