"""Options that several commands have in common."""

from __future__ import annotations

import argparse
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from promotebot.errors import InvalidInput, UsageError
from promotebot.promotion.aliases import parse_stage_word
from promotebot.promotion.slips import nearest_stage
from promotebot.registry.names import Stage, parse_duration, parse_stage
from promotebot.remedies import CallerLine, Command, Remedy, again, shell


def add_registry_options(parser: argparse.ArgumentParser, flag: str = "--registry-path") -> None:
    """Add where the registry and its repository are: `registry` and `base_dir`.

    Args:
        flag: the registry's flag as the help shows it; `--registry-path` is understood beside it.
    """
    flags = dict.fromkeys((flag, "--registry-path"))
    parser.add_argument(*flags, dest="registry", help="the registry (default: ml/registry/models.json)")
    parser.add_argument("--base-dir", help="the folder of one of several registries (default: the root)")


def root_of(start: Path | None = None) -> Path:
    """Return the root of the repository around a directory, or this one; itself where there is no repository."""
    here = Path.cwd() if start is None else start.resolve()
    return next((place for place in (here, *here.parents) if (place / ".git").exists()), here)


def stage_of(text: str, options: argparse.Namespace) -> Stage:
    """Parse a stage, or a word for one that the policy has.

    Raises:
        InvalidInput: with the line that was probably meant where a stage is near; for a policy that does not read.
    """
    with suppress(InvalidInput):
        return parse_stage(text)
    from promotebot.cli.own_words import own_words  # git is loaded only where a word is no stage

    words = own_words(options, Path(getattr(options, "base_dir", None) or root_of()))
    try:
        return parse_stage_word(text, words)
    except InvalidInput as problem:
        meant = nearest_stage(text, words)
        if meant != text:
            problem.remedy = Remedy("did you mean: ", _with_stage(options, text, meant))
        raise


def _with_stage(options: argparse.Namespace, text: str, meant: str) -> Command | CallerLine:
    """Return the line that was typed with another stage: some commands take it by its place, and know no `--stage`."""
    words: list[str] = list(getattr(options, "arguments", ()))
    if any(word.endswith(f"={text}") for word in words):  # `--stage=TEXT`; an import's `--stage WORD=TEXT`
        mended = [f"{word.removesuffix(text)}{meant}" if word.endswith(f"={text}") else word for word in words]
        return shell("promotebot", *mended)
    if text not in words or any(word.partition("=")[0] == "--stage" for word in words):
        return again(stage=meant)
    place = len(words) - 1 - words[::-1].index(text)  # the model comes before it, and may be called the same
    return shell("promotebot", *words[:place], meant, *words[place + 1 :])


def duration_of(flag: str, text: str | None) -> timedelta | None:
    """Return the duration that a flag gives, None for a flag that is not there.

    Raises:
        UsageError: for anything else, and for nothing: a variable that was not set must not pass for a limit.
    """
    if text is None:
        return None
    try:
        return parse_duration(text)
    except InvalidInput as problem:
        raise UsageError(problem.message, where=flag, remedy="give a number of days, hours or minutes") from None
