"""The flags of a command line in a comment: words, values and what each command takes."""

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


def split_words(text: str) -> list[str]:
    if len(text) > MAX_LINE:
        raise InvalidInput(f"the line is over {MAX_LINE} characters")
    hidden = next((c for c in text if not c.isprintable()), None)
    if hidden is not None:
        raise InvalidInput(
            f"the line holds the invisible character U+{ord(hidden):04X}", remedy="type the line again by hand"
        )
    if any(c in text for c in "“”‘’"):
        raise InvalidInput("the line holds typographic quotes", remedy='use straight quotes: "…"')
    try:
        return shlex.split(text)
    except ValueError:
        raise InvalidInput("a quote is not closed", remedy='write the value as "…"') from None


def stage_word(word: str, command: str = "/promote") -> Stage:
    try:
        return parse_stage(word)
    except InvalidInput as problem:
        near = difflib.get_close_matches(word.lower(), ("shadow", "staging", "active"), n=1, cutoff=0.5)
        if near:
            raise InvalidInput(problem.message, remedy=f"did you mean `{command} {near[0]}`?") from None
        raise


def split_flags(words: list[str], known: tuple[str, ...]) -> tuple[list[str], dict[str, Any]]:
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

_SAID = ("--reason", "--notes", "--sha", "--dry-run")

PROMOTE_FLAGS = ("--artifact-dir", "--artifact-id", "--dataset-id", "--git-sha", *_SAID, "--new-model")

ROLLBACK_FLAGS = ("--to", *_SAID)

DEMOTE_FLAGS = _SAID
