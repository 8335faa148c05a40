"""Words of safety: `/hold` and its synonyms, which hold whatever follows them, `/unhold`, and other bots' words.

Whoever writes one believes that it works, so that none of them is met with silence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from promotebot.promotion.first_words import HOLD_WORDS, UNHOLD, safety_word
from promotebot.registry.names import MAX_TEXT

_GIVEN = re.compile(r"--reason(?:\s+|=|$)")
_QUOTES = {'"': '"', "'": "'", "“": "”"}


@dataclass(frozen=True)
class Hold:
    """`/hold [reason]`: keeps the pull request from being merged until somebody lifts it."""

    line: int
    text: str
    word: str
    """What was written: hold, lock, stop or pause."""
    reason: str


@dataclass(frozen=True)
class Unhold:
    """`/unhold [reason]`: lifts every hold of the pull request."""

    line: int
    text: str


def parse_safety_word(line: int, text: str, command: str) -> Hold | Unhold | None:
    """Return what a line holds or lifts; None where it begins with another word.

    Nothing that follows the word is refused, quotes and flags included: the rest of the line is the reason.

    Args:
        command: the line without the prefix, if commands have one.
    """
    word, rest = safety_word(command)
    if word == UNHOLD:
        return Unhold(line, text[:200])
    return Hold(line, text[:200], word, _reason(rest)) if word in HOLD_WORDS else None


def _reason(rest: str) -> str:
    said = " ".join(rest.split()).lstrip(":,.;!?-–—− ") if not rest.lstrip().startswith("--reason") else rest.strip()  # noqa: RUF001 - what follows a word in a hurry
    said = _GIVEN.sub("", said, count=1).strip()
    if len(said) >= 2 and _QUOTES.get(said[0]) == said[-1]:
        said = said[1:-1]
    return " ".join(said.split())[:MAX_TEXT]
