"""Words of safety: `/hold` and its synonyms, which hold whatever follows them, `/unhold`, and other bots' words.

Whoever writes one believes that it works, so that none of them is met with silence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from promotebot.promotion.first_words import HOLD_WORDS, OTHER_STOPS, UNHOLD, safety_word
from promotebot.registry.names import MAX_TEXT

_CANCEL = "`/hold` blocks the merge of this pull request; `/withdraw` withdraws its promotions"
ELSEWHERE: Mapping[str, tuple[str, str]] = {
    **{word: (f"/{word} is not a command: nothing was held or withdrawn", _CANCEL) for word in OTHER_STOPS},
    "approve": (
        "/approve is not a command: an approval is a review on GitHub",
        "approve under *Files changed*, *Review changes*; `/why` says whether the gate waits for one",
    ),
    "lgtm": (
        "/lgtm is not a command: an approval is a review on GitHub",
        "approve under *Files changed*, *Review changes*; `/why` says whether the gate waits for one",
    ),
    "unlock": ("/unlock is not a command: no hold was lifted", "`/unhold` lifts what `/hold` or `/lock` held"),
    "revert": (
        "/revert is not a command: nothing was withdrawn",
        "before the merge, `/withdraw` withdraws the promotions of this pull request; after it, `/help` shows how to "
        "roll back",
    ),
    "deploy": (
        "/deploy is not a command: a promotion takes effect when it is merged",
        "`/promote active` requests the promotion; your own deployment follows the merge",
    ),
}
"""Words that other bots know → what is wrong with them here, and what to write or do instead."""
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
