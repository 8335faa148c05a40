"""A command line that cannot be read: what was probably meant, as a whole line to paste; it is never carried out."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module

from promotebot.errors import UsageError
from promotebot.promotion.flags import TEXTS
from promotebot.remedies import Remedy, shell


def meant_line(
    arguments: Sequence[str], modules: Mapping[str, str], parse: Callable[[Sequence[str]], object]
) -> Remedy | None:
    """Return the remedy that offers the line with its slips mended; None where that is no valid line, either.

    Args:
        modules: command → the module that has its options.
        parse: raises UsageError for a line that is not valid.
    """
    place = next((index for index, word in enumerate(arguments) if not word.startswith("-")), None)
    near = difflib.get_close_matches(arguments[place], modules, n=1, cutoff=0.6) if place is not None else []
    if place is None or not near or {"-h", "--help", "--version"}.intersection(arguments):
        return None
    flags = _flags(modules[near[0]])
    words = [*arguments[:place], near[0], *_quoted([_flag(word, flags) for word in arguments[place + 1 :]])]
    with suppress(UsageError):
        parse(words)
        return Remedy("did you mean: ", shell("promotebot", *words))
    return None


def _flags(module: str) -> list[str]:
    parser = argparse.ArgumentParser()
    import_module(f"promotebot.cli.{module}").add_arguments(parser)
    return re.findall(r"--[a-z][a-z-]*", parser.format_help())


def _flag(word: str, flags: Sequence[str]) -> str:
    name, equals, value = word.partition("=")
    if not name.startswith("--") or name in flags:
        return word
    near = difflib.get_close_matches(name, flags, n=1)
    return f"{near[0]}{equals}{value}" if near else word


def _quoted(words: Sequence[str]) -> list[str]:
    """Return the words with those behind a text's flag, up to the next flag, as one: its quotes were forgotten."""
    joined: list[str] = []
    flag = ""
    for word in words:
        if word.startswith("--"):
            flag = word
        elif flag in TEXTS and joined[-1] != flag:
            joined[-1] = f"{joined[-1]} {word}"
            continue
        joined.append(word)
    return joined
