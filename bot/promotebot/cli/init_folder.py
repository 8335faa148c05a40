"""The folder that `promotebot init --base-dir` sets up as one of several registries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from promotebot.environment import is_base_dir, is_prefix
from promotebot.errors import InvalidInput, UsageError
from promotebot.promotion.first_words import OTHER_BOTS, SAFETY_WORDS, VERBS
from promotebot.remedies import Remedy, again
from promotebot.workflow_files import DIRECTORY, Folder


def start_of(base_dir: str | None) -> Path:
    """Return a directory that is there, from which the repository is looked for: the folder may be a new one."""
    start = Path(base_dir or ".").resolve()
    return next(place for place in (start, *start.parents) if place.is_dir())


def folder_of(root: Path, base_dir: str | None, prefix: str | None) -> Folder | None:
    """Return the folder, None for the root itself.

    Raises:
        UsageError: for a folder outside of the repository or with an odd name, and for a word that is taken.
        InvalidInput: where the word's workflow files are another registry's.
    """
    if prefix and _may_be_word(f"/{prefix}"):
        line = Remedy("put one before it: ", again(prefix=f"/{prefix}"))
        raise UsageError(f"{prefix!r} does not begin with a slash", where="--prefix", remedy=line)
    inside = Path(base_dir or root).resolve()
    if inside == root.resolve():
        if prefix and not _may_be_word(prefix):
            remedy = "give a slash and a word that is no command, such as /model"
            raise UsageError(f"{prefix!r} cannot be the word of its commands", where="--prefix", remedy=remedy)
        return None
    named = inside.relative_to(root.resolve()).as_posix()
    if not is_base_dir(named):
        remedy = "choose a folder whose names have letters, digits, dots, dashes and underscores, up to 60 characters"
        raise UsageError(f"{named!r} cannot be the folder of a registry", where="--base-dir", remedy=remedy)
    word = prefix or "/" + re.sub(r"[^a-z0-9]+", "-", inside.name.lower()).strip("-")
    if not _may_be_word(word):
        remedy = Remedy("give another one: ", again(prefix=f"/{re.sub('[^a-z0-9]+', '-', named.lower())}-models"))
        raise UsageError(f"{word!r} cannot be the word of its commands", where="--prefix", remedy=remedy)
    folder = Folder(named, word, tuple(_others(root, word[1:])))
    _check_distinct(folder)
    own = root / folder.workflow_path("promote")
    if own.exists() and f'base-dir: "{named}"' not in own.read_text(encoding="utf-8", errors="replace"):
        remedy = Remedy("give another word: ", again(prefix=f"/{re.sub('[^a-z0-9]+', '-', named.lower())}"))
        raise InvalidInput("is of another registry", where=folder.workflow_path("promote"), remedy=remedy)
    return folder


def _may_be_word(prefix: str) -> bool:
    return is_prefix(prefix) and prefix[1:] not in (*VERBS, *SAFETY_WORDS, *OTHER_BOTS)


def _check_distinct(folder: Folder) -> None:
    """Raise UsageError for a word that begins as another registry's does: one bot would answer to both."""
    for name in folder.others:
        other = name.partition(" ")[2]
        if other and (folder.word.startswith(other) or other.startswith(folder.word)):
            message = f"'/{folder.word}' and '/{other}', the word of another registry, begin alike: both would answer"
            raise UsageError(message, where="--prefix", remedy="give a word that begins in another way, with --prefix")


def _others(root: Path, word: str) -> Iterator[str]:
    """Yield the names of the workflows that move branches for other registries."""
    for file in sorted((root / DIRECTORY).glob("promote*.yml")):
        text = file.read_text(encoding="utf-8", errors="replace")
        found = re.search(r"^name: (promote(?: \S+)?)$", text, re.MULTILINE)
        if found and found[1] != f"promote {word}":
            yield found[1]


def deaf_gates(root: Path, folder: Folder) -> list[str]:
    """Return the gates of other registries that do not start when this one's bot has moved a branch."""
    files = sorted((root / DIRECTORY).glob("gate*.yml"))
    own, name = folder.workflow_path("gate").rpartition("/")[2], f"promote {folder.word}"
    return [
        f"{DIRECTORY}/{file.name}"
        for file in files
        if file.name != own and name not in file.read_text(encoding="utf-8", errors="replace")
    ]
