"""The flags of a command line in a comment: words, values, and the flags that each command takes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from promotebot.errors import InvalidInput
from promotebot.promotion.aliases import Aliases, parse_stage_word
from promotebot.promotion.overridable import parse_override
from promotebot.registry.names import (
    Stage,
    is_text,
    parse_artifact_path,
    parse_canary_share,
    parse_git_sha,
    parse_identifier,
    parse_rollback_target,
    parse_text,
)
from promotebot.remedies import did_you_mean

MAX_LINE = 4096
"""Characters: enough for a reason and notes of 1,000 each beside the other flags."""


class Word(str):
    """A word of a command line, which knows whether some of it stood in quotes."""

    __slots__ = ("quoted",)
    quoted: bool

    def __new__(cls, text: str, *, quoted: bool) -> Word:
        """Return the word."""
        word = super().__new__(cls, text)
        word.quoted = quoted
        return word


# The curly apostrophe of a word (it’s) is a letter like others; pairs of “ and ” are quotes, as phones write them.
_PART = re.compile(
    r"(?P<space> +)"
    r'|"(?P<double>(?:[^"\\]|\\.)*)"'
    r"|'(?P<single>[^']*)'"
    r"|“(?P<curly>[^“”]*)”"
    r"""|(?P<plain>[^ "'“”\\]+)"""
)


def split_words(text: str) -> list[Word]:
    """Split a line into words as a shell does, by its quotes and by those that phones write.

    In quotes stands text, in any script. Outside of them stand names and flags: a character that nobody sees, or a
    backslash, is refused there instead of becoming a part of them.

    Raises:
        InvalidInput: for those, for a line that is too long, and for a quote that is left open.
    """
    if len(text) > MAX_LINE:
        raise InvalidInput(f"the line is over {MAX_LINE} characters")
    words: list[Word] = []
    parts: list[str] = []
    quoted, end = False, 0
    while end < len(text):
        found = _PART.match(text, end)
        if found is None:
            raise _unreadable(text[end])
        end, is_plain = found.end(), found.lastgroup == "plain"
        if found.lastgroup == "space":
            words += [Word("".join(parts), quoted=quoted)] if parts else []
            parts, quoted = [], False
            continue
        part = re.sub(r'\\(["\\])', r"\1", found["double"]) if found["double"] else found[found.lastgroup or 0]
        hidden = next((c for c in part if not (c.isprintable() if is_plain else is_text(c))), None)
        if hidden is not None:
            raise InvalidInput(
                f"the line holds the invisible character U+{ord(hidden):04X}", remedy="type the line again by hand"
            )
        parts.append(part)
        quoted = quoted or not is_plain
    return [*words, *([Word("".join(parts), quoted=quoted)] if parts else [])]


def _unreadable(character: str) -> InvalidInput:
    if character == "\\":
        return InvalidInput(
            "the line holds a backslash", remedy="write paths with slashes (ml/artifacts/NAME), and text in quotes"
        )
    return InvalidInput("a quote is not closed", remedy='write the value as "…"')


class MissingReason(InvalidInput):
    """A command that needs a --reason gives none, and is a command otherwise."""


def require_reason(needs: str, text: str, flags: Mapping[str, Any]) -> None:
    """Raise MissingReason where a command gives none, with its own line and one more flag as the remedy."""
    if "reason" not in flags:
        raise MissingReason(needs, remedy=f'`{text.strip()} --reason "incident #123"`')


class UnknownStage(InvalidInput):
    """A word in a stage's place that is none; the base's policy may name one by it."""


def stage_word(word: str, line: str, aliases: Aliases) -> Stage:
    """Parse a stage, or a word for one.

    Raises:
        UnknownStage: with the line, and the nearest stage in it, as the remedy, where one is near.
    """
    try:
        return parse_stage_word(word, aliases)
    except InvalidInput as problem:
        known = ("shadow", "staging", "active", *aliases)
        near = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.5)
        remedy = did_you_mean(_with(line, word, near[0])) if near else problem.remedy
        raise UnknownStage(problem.message, remedy=remedy) from None


def _with(line: str, word: str, meant: str) -> str:
    """Return the line with one word put right, where it stands alone."""
    return re.sub(rf"(?<!\S){re.escape(word)}(?!\S)", meant, line.strip(), count=1)


def split_flags(words: Sequence[Word], known: tuple[str, ...]) -> tuple[list[str], dict[str, Any]]:
    """Split words into positional ones and parsed flags, the latter by field of CommandArguments.

    Raises:
        InvalidInput: for a flag that is unknown, given twice, or lacks its value, for a value that is none, and for a
            text of several words without quotes, whose second word would count as a stage or a model.
    """
    positional: list[str] = []
    flags: dict[str, Any] = {}
    unquoted = ""
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            positional.append(_positional(word, unquoted))
            continue
        name, equals, value = word.partition("=")
        field = name.removeprefix("--").replace("-", "_")
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise InvalidInput(
                f"unknown flag {name}",
                remedy=f"did you mean {near[0]}?" if near else f"known flags: {', '.join(known)}",
            )
        if field in flags:
            raise InvalidInput(f"{name} is given twice", remedy="keep one of them")
        if name in _SWITCHES:
            if equals:
                raise InvalidInput(f"{name} takes no value", remedy=f"write {name} alone")
            flags[field] = True
            continue
        given = word
        if not equals:
            given = value = next(rest, _NO_WORD)
        # `--notes --dry-run` forgot a value more likely than it means one; `--notes=--dry-run` means it.
        if not value or (not equals and value.startswith("--")):
            raise InvalidInput(f"{name} needs a value", remedy=f'write {name} "…"')
        flags[field] = _VALUES[name](value)
        unquoted = name if name in TEXTS and not given.quoted else ""
    return positional, flags


def _positional(word: Word, unquoted: str) -> str:
    """Return a word that is no flag; `unquoted` names the flag whose text it probably goes on."""
    if word[:1] in _DASHES and not word.quoted:
        meant = f"--{word.lstrip(f'-{_DASHES}')}"
        raise InvalidInput(f"{word} begins with another dash than -", remedy=f"write {meant} with two hyphens")
    if unquoted:
        message = f"{unquoted} has several words without quotes; the second one is {str(word)!r}"
        raise InvalidInput(message, remedy=f'write the whole text in quotes: {unquoted} "…"')
    return word


_NO_WORD = Word("", quoted=False)
_DASHES = "–—―−"  # noqa: RUF001 - what phones and word processors make of two hyphens
TEXTS = ("--reason", "--notes", "--lift-hold", "--allow-signature-change", "--override")
"""Flags whose value is a text that a person writes."""


_VALUES: Mapping[str, Callable[[str], Any]] = {
    "--artifact-dir": parse_artifact_path,
    "--artifact": parse_artifact_path,
    "--artifact-id": parse_identifier,
    "--dataset-id": parse_identifier,
    "--git-sha": parse_git_sha,
    "--reason": parse_text,
    "--notes": parse_text,
    "--lift-hold": parse_text,
    "--allow-signature-change": parse_text,
    "--override": parse_override,
    "--share": parse_canary_share,
    "--sha": parse_git_sha,
    "--to": parse_rollback_target,
}

_SWITCHES = ("--new-model", "--dry-run")
_COMMON = ("--reason", "--notes", "--sha", "--dry-run")
PROMOTE_FLAGS = (
    *("--artifact-dir", "--artifact-id", "--dataset-id", "--git-sha", *_COMMON),
    *("--new-model", "--lift-hold", "--allow-signature-change", "--override", "--share"),
)
ROLLBACK_FLAGS = ("--to", *_COMMON)
DEMOTE_FLAGS = _COMMON
REJECT_FLAGS = ("--artifact", "--reason")
FLAGS = {"promote": PROMOTE_FLAGS, "rollback": ROLLBACK_FLAGS, "demote": DEMOTE_FLAGS, "reject": REJECT_FLAGS}
"""Command → the flags that it takes."""
