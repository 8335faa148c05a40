"""Lines that are no command and come close to one: what was probably meant, as a line to copy; never carried out."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from promotebot.promotion.commands import (
    Command,
    InvalidCommand,
    parse_comment,
)
from promotebot.promotion.first_words import HOLD_WORDS, UNHOLD, candidates, command_words
from promotebot.promotion.flags import FLAGS, TEXTS
from promotebot.registry.names import Stage
from promotebot.remedies import did_you_mean

_STAGES = tuple(stage.value for stage in Stage)
_OTHER_NAMES = {"prod": "active", "production": "active", "live": "active"}
_STAGE_WORD = {"promote": 1, "rollback": 2, "demote": 2}
"""Command → which word behind it is the stage."""
_DASHES = "–—―−"  # noqa: RUF001 - what phones and word processors make of two hyphens
MAX_SHOWN = 200
"""Characters of a line in its answer: enough to recognise it."""
_QUOTES = "\"'“”"
"""What a quoted text begins or ends with."""
_ODD = "the line is not a command as it is written"


def read_comment(body: str, prefix: str = "") -> list[Command]:
    """Return every command of a comment, in order, and where it holds none the lines that come close to one.

    A line comes close only where all of it is a command after mending: in prose somebody only talks of one. What was
    meant stands in the remedy, whole and ready to copy.

    Args:
        prefix: the word that commands stand behind; see `parse_comment`.
    """
    commands = parse_comment(body, prefix)
    if commands:
        return [_explained(one, prefix) if isinstance(one, InvalidCommand) else one for one in commands]
    near: list[Command] = [*_near_misses(body, prefix)]
    return near[:1]


def _explained(command: InvalidCommand, prefix: str) -> InvalidCommand:
    if len(command.text) >= MAX_SHOWN:  # it may be cut
        return command
    meant = next(filter(None, (_meant(line, prefix) for line in (command.text, *_quoted(command.text)))), "")
    return replace(command, remedy=did_you_mean(meant)) if meant else command


def _quoted(line: str) -> Iterator[str]:
    """Yield the line with the words behind a flag, up to the next flag, in quotes: probably they are one text."""
    for flag in TEXTS:
        before, found, behind = line.partition(f" {flag} ")
        said, *others = re.split(r"\s+(?=--)", behind, maxsplit=1)
        if found and '"' not in said:
            yield " ".join([f'{before} {flag} "{said.strip()}"', *others])


def _near_misses(body: str, prefix: str) -> Iterator[InvalidCommand]:
    for number, line, candidate, is_meant in candidates(body, prefix):
        meant = candidate if is_meant else _meant(candidate, prefix)
        if meant:
            word = meant.removeprefix(f"{prefix} ").lstrip("/").split()[0]
            undone = f"; nothing is {'lifted' if word == UNHOLD else 'held'}" if word in (*HOLD_WORDS, UNHOLD) else ""
            problem = f"{_ODD}{undone}"
            yield InvalidCommand(number, line.strip()[:MAX_SHOWN], problem, did_you_mean(meant))


def _meant(line: str, prefix: str) -> str:
    """Return a line with its slips mended, where that makes a whole command of it; else nothing."""
    verb, *words = command_words(line, prefix) or [""]
    if not verb:
        return ""
    mended = [verb, *_flags(verb, [_hyphens(word) for word in words])]
    place = _STAGE_WORD.get(verb, len(mended))
    if place < len(mended):
        mended[place] = nearest_stage(mended[place])
    meant = " ".join([prefix, *mended]) if prefix else f"/{' '.join(mended)}"
    found = parse_comment(meant, prefix)
    is_whole = len(found) == 1 and not isinstance(found[0], InvalidCommand) and "`" not in meant
    return meant if is_whole else ""


def _hyphens(word: str) -> str:
    return f"--{word.lstrip(f'-{_DASHES}')}" if word[0] in _DASHES else word


def _flags(verb: str, words: list[str]) -> list[str]:
    """Return the words behind a command, each flag that it does not have as the nearest one; quoted text as it is."""
    mended, quotes = list[str](), 0
    for word in words:
        name, equals, value = word.partition("=")
        is_flag = name.startswith("--") and quotes % 2 == 0 and verb in FLAGS
        near = difflib.get_close_matches(name, FLAGS[verb], n=1) if is_flag and name not in FLAGS[verb] else []
        mended.append(f"{near[0]}{equals}{value}" if near else word)
        quotes += sum(word.count(quote) for quote in _QUOTES)
    return mended


def nearest_stage(word: str, own: Iterable[str] = ()) -> str:
    """Return the stage that a word is a slip or another name of; the word itself where it is neither.

    Args:
        own: the policy's own words for stages; the nearest of all is returned.
    """
    if word.startswith("-"):
        return word
    near = difflib.get_close_matches(word.lower(), (*_STAGES, *own), n=1, cutoff=0.6)
    return _OTHER_NAMES.get(word.lower(), near[0] if near else word)
