"""Times as other tools write them: with any zone or none, as a date, as seconds or milliseconds since 1970."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo

from promotebot.registry.names import Timestamp, to_timestamp

_TIME = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?)?",
    re.ASCII | re.IGNORECASE,
)
MAX_OFFSET = 14
"""Hours from UTC: https://www.iana.org/time-zones"""
_EPOCH = re.compile(r"(\d{10})(\d{3})?(?:\.\d+)?", re.ASCII)
"""Seconds or milliseconds of the years 2001 to 2286."""


def read_time(text: str, zone: tzinfo = timezone.utc) -> tuple[Timestamp | None, str]:
    """Return the time in UTC and whole seconds, None for a text that is none; and what was assumed or is wrong.

    Args:
        zone: of a time that names none.
    """
    epoch = _EPOCH.fullmatch(text)
    if epoch:
        return to_timestamp(datetime.fromtimestamp(int(epoch[1]), timezone.utc)), ""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None, f"{text!r} is no time"
    try:
        moment = datetime(*(int(part or 0) for part in match.groups()[:6]), tzinfo=timezone.utc)  # type: ignore[misc,arg-type]
    except ValueError:
        return None, f"{text!r} does not exist"
    if match[7] is None:
        return to_timestamp(moment.replace(tzinfo=zone)), f"{text} names no time zone; read as {zone}"
    if match[7].upper() in ("Z", "UTC"):
        return to_timestamp(moment), ""
    hours, minutes = int(match[7][1:3]), int(match[7][-2:])
    if hours > MAX_OFFSET or minutes > 59:
        return None, f"{text!r} names a time zone that does not exist"
    offset = timedelta(hours=hours, minutes=minutes)
    return to_timestamp(moment - offset if match[7].startswith("+") else moment + offset), ""
