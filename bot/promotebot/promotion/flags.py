"""The flags of a command line in a comment: words, values, and the flags that each command takes."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from promotebot.errors import InvalidInput
from promotebot.registry.names import (
    Stage,
    parse_artifact_path,
    parse_git_sha,
    parse_identifier,
    parse_stage,
    parse_text,
)

MAX_LINE = 4096
"""Characters: enough for a reason and notes of 1,000 each beside the other flags."""


def split_words(text: str) -> list[str]:
    """Split a line into words as a shell does, quotes included.

    Raises:
        InvalidInput: for a line that is too long, holds a character nobody sees, or leaves a quote open.
    """
    if len(text) > MAX_LINE:
        raise InvalidInput(f"the line is over {MAX_LINE} characters")
    hidden = next((c for c in text if not c.isprintable()), None)
    if hidden is not None:
        raise InvalidInput(
            f"the line holds the invisible character U+{ord(hidden):04X}", remedy="type the line again by hand"
        )
    # A phone or a word processor writes them; shlex would take them for letters of the value.
    if any(c in text for c in "“”‘’"):
        raise InvalidInput("the line holds typographic quotes", remedy='use straight quotes: "…"')
    try:
        return shlex.split(text)
    except ValueError:
        raise InvalidInput("a quote is not closed", remedy='write the value as "…"') from None


def stage_word(word: str, command: str = "/promote") -> Stage:
    """Parse a stage.

    Raises:
        InvalidInput: with `command` and the nearest stage as the remedy, where one is near.
    """
    try:
        return parse_stage(word)
    except InvalidInput as problem:
        near = difflib.get_close_matches(word.lower(), ("shadow", "staging", "active"), n=1, cutoff=0.5)
        if near:
            raise InvalidInput(problem.message, remedy=f"did you mean `{command} {near[0]}`?") from None
        raise


def split_flags(words: list[str], known: tuple[str, ...]) -> tuple[list[str], dict[str, Any]]:
    """Split words into positional ones and parsed flags, the latter by field of CommandArguments.

    Raises:
        InvalidInput: for a flag that is unknown, given twice, or lacks its value, and for a value that is none.
    """
    positional: list[str] = []
    flags: dict[str, Any] = {}
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            positional.append(word)
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
        if not equals:
            value = next(rest, "")
        # `--notes --dry-run` forgot a value more likely than it means one; `--notes=--dry-run` means it.
        if not value or (not equals and value.startswith("--")):
            raise InvalidInput(f"{name} needs a value", remedy=f'write {name} "…"')
        flags[field] = _VALUES[name](value)
    return positional, flags


_VALUES: Mapping[str, Callable[[str], Any]] = {
    "--artifact-dir": parse_artifact_path,
    "--artifact-id": parse_identifier,
    "--dataset-id": parse_identifier,
    "--git-sha": parse_git_sha,
    "--reason": parse_text,
    "--notes": parse_text,
    "--sha": parse_git_sha,
    "--to": parse_identifier,
}

_SWITCHES = ("--new-model", "--dry-run")
_COMMON = ("--reason", "--notes", "--sha", "--dry-run")
PROMOTE_FLAGS = ("--artifact-dir", "--artifact-id", "--dataset-id", "--git-sha", *_COMMON, "--new-model")
ROLLBACK_FLAGS = ("--to", *_COMMON)
DEMOTE_FLAGS = _COMMON
