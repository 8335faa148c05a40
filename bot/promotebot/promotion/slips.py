"""Lines that are no command and come close to one: what was probably meant, as a line to copy; never carried out."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace

from promotebot.promotion.commands import (
    Command,
    InvalidCommand,
    nearest_verb,
    parse_comment,
)
from promotebot.promotion.comment_lines import plain_lines
from promotebot.promotion.flags import FLAGS, TEXTS
from promotebot.promotion.safety_words import HOLD_WORDS, UNHOLD
from promotebot.registry.names import Stage
from promotebot.remedies import did_you_mean

_STAGES = tuple(stage.value for stage in Stage)
_OTHER_NAMES = {"prod": "active", "production": "active", "live": "active"}
_STAGE_WORD = {"promote": 1, "rollback": 2, "demote": 2}
"""Command → which word behind it is the stage."""
_SLASHES = "/\\／⁄∕"  # noqa: RUF001 - what keyboards and copied text have for a slash
_DASHES = "–—―−"  # noqa: RUF001 - what phones and word processors make of two hyphens
_NAMED = re.compile(r"@(?:promotebot|github-actions)(?:\[bot\])?[:,]? +", re.IGNORECASE)
# A list item, code or bold text, one of each at most; four spaces would be a code block.
_DRESSED = re.compile(r" {0,3}(?:[-*+] +)?(?P<mark>`+|\*{1,2}|_{1,2})?(?P<line>.*?)(?(mark)(?P=mark)) *")
_MODEL_WORD = {"promote": 2, "rollback": 1, "demote": 1, "withdraw": 1}
"""Command that is known without its slash → which word of it may name a model."""
_OTHER_WORDS = {"promoted", "promotes", "promoter", "promoters", "remote", "remotes", "rollbacks", "demo", "demos"}
_OTHER_WORDS |= {"demoted", "demotes", "denote", "devote", "withdrawn", "withdraws"}
"""Words of prose that come close to such a command."""
# The whole line, with or without a reason behind a colon or a dash: `Hold on, I have a question` is prose.
_DASH = "[-–—]"  # noqa: RUF001 - what phones make of a hyphen
_IN_A_HURRY = re.compile(
    rf"(?P<word>hold|lock|stop|pause|unhold)(?: *[!.…]*|(?: *:|,? +{_DASH}) +(?P<why>\S.*))", re.IGNORECASE
)
MAX_SHOWN = 200
"""Characters of a line in its answer: enough to recognise it."""
MAX_MENDED = 2_000
"""Characters of a line that may come close to a command: what undresses it takes the square of its length."""
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
    is_first = begins = True
    for number, line in plain_lines(body):
        if not line.strip() or len(line) > MAX_MENDED:
            begins = begins or not line.strip()
            continue
        stop = _IN_A_HURRY.fullmatch(line.strip()) if is_first and not prefix else None
        meant = _safety(stop) if stop else _addressed(line, prefix) or (_bare(line, prefix) if begins else "")
        is_first = begins = False
        if meant:
            word = meant.removeprefix(f"{prefix} ").lstrip("/").split()[0]
            undone = f"; nothing is {'lifted' if word == UNHOLD else 'held'}" if word in (*HOLD_WORDS, UNHOLD) else ""
            problem = f"{_ODD}{undone}"
            yield InvalidCommand(number, line.strip()[:MAX_SHOWN], problem, did_you_mean(meant))


def _addressed(line: str, prefix: str) -> str:
    """Return what a line means that has a slash, or our name, where a command has its own; empty where it is none."""
    dressed = _DRESSED.fullmatch("".join(c for c in line if unicodedata.category(c) != "Cf"))
    bare = dressed["line"] if dressed else ""
    named = _NAMED.match(bare)
    if named:
        bare = f"/{bare[named.end() :].lstrip(f'{_SLASHES} ')}"
        bare = f"{prefix} {bare[1:]}" if prefix and not bare.startswith(f"{prefix} ") else bare
    return _meant(bare, prefix) if bare[:1] and bare[0] in _SLASHES else ""


def _safety(found: re.Match[str]) -> str:
    """Return the command that a word of safety without its slash stands for."""
    word = found["word"].lower()
    return " ".join(filter(None, [f"/{UNHOLD if word == UNHOLD else HOLD_WORDS[0]}", found["why"]]))


def _bare(line: str, prefix: str) -> str:
    """Return what the first line of a paragraph means that lacks its slash, where no prose reads like it.

    `promote active models` is prose: a model's name counts only with a digit or an underscore, or before a flag.
    """
    words = line.split()
    verb = _verb(words[0]) if not prefix and not line[0].isspace() else ""
    if not verb or (len(words) == 1 and verb != "withdraw"):
        return ""
    has_flag = any(word.startswith("--") for word in words)
    behind = words[_MODEL_WORD[verb] :]
    if behind and not has_flag and not re.search(r"[_0-9]", behind[0]):
        return ""
    lacks_reason = verb in ("rollback", "demote") and not has_flag
    return _meant(f'/{line} --reason "incident #123"' if lacks_reason else f"/{line}", prefix)


def _verb(word: str) -> str:
    """Return the command that a word without a slash is, or a slip of; empty for a word of prose."""
    said = word.lower()
    if not said.isalpha() or said in _OTHER_WORDS:
        return ""
    return next(iter(difflib.get_close_matches(said, [*_MODEL_WORD], n=1, cutoff=0.8)), "")


def _meant(line: str, prefix: str) -> str:
    """Return a line with its slips mended, where that makes a whole command of it; else nothing."""
    words = line[1:].strip().split()  # every kind of space, as some keyboards write one that nobody sees
    if prefix and words and difflib.get_close_matches(words[0].lower(), [prefix[1:]], n=1, cutoff=0.7):
        words = words[1:]
    elif prefix:
        return ""
    if not words:
        return ""
    verb = nearest_verb(words[0]) or words[0]
    mended = [verb, *(_hyphens(word) for word in words[1:])]
    mended[1:] = _flags(verb, mended[1:])
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


def nearest_stage(word: str) -> str:
    """Return the stage that a word is a slip or another name of; the word itself where it is neither."""
    if word.startswith("-"):
        return word
    near = difflib.get_close_matches(word.lower(), _STAGES, n=1, cutoff=0.6)
    return _OTHER_NAMES.get(word.lower(), near[0] if near else word)
