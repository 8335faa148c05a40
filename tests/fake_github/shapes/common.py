"""Pieces every shape uses: times, node ids, and the link to another place in the same GitHub."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

Json = dict[str, Any]


def instant(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with a Z, as everywhere in GitHub's API."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def node_id(kind: str, number: int | str) -> str:
    """An opaque GraphQL id."""
    return base64.urlsafe_b64encode(f"{kind}:{number}".encode()).decode().rstrip("=")
