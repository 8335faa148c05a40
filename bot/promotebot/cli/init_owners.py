"""The lines of CODEOWNERS that `promotebot init --code-owners` writes: for what decides, where nobody owns it yet."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from promotebot.errors import InvalidInput, UsageError
from promotebot.pulls.codeowners import PLACES, owners_of

_OWNER = re.compile(r"@[A-Za-z0-9][\w-]*(/[\w.-]+)?|[\w.+-]+@[\w-]+(\.[\w-]+)+")
"""A person, a team or an address: GitHub's syntax of CODEOWNERS."""
_COMMENT = "# What decides which model is in use: policy and workflows, the registry, the artifacts."


@dataclass(frozen=True)
class Owned:
    """A file of code owners as it is to be, and what in it stays as it was."""

    path: str
    data: bytes
    kept: Mapping[str, Sequence[str]]
    """Pattern → the owners that it has already."""


def check_owners(names: Sequence[str]) -> None:
    """Raise UsageError for what GitHub would not read as an owner."""
    odd = next((name for name in names if not _OWNER.fullmatch(name)), None)
    if odd is not None:
        raise UsageError(f"{odd!r} is no owner", where="--code-owners", remedy="give @LOGIN, @OWNER/TEAM or an address")


def with_owners(root: Path, names: Sequence[str], paths: Mapping[str, Sequence[str]]) -> Owned:
    """Return the file that GitHub reads, with a line for each pattern of which something has no owner yet.

    The lines go to the top: the last pattern that matches a file counts, so they take a file from nobody.

    Args:
        names: the owners, as GitHub writes them.
        paths: pattern → files that it is for.

    Raises:
        InvalidInput: where something else than a file stands there.
    """
    place = next((path for path in PLACES if (root / path).exists() or (root / path).is_symlink()), PLACES[0])
    target = root / place
    if target.is_symlink() or target.is_dir():
        raise InvalidInput("is not a regular file", where=place, remedy="replace it by a file: GitHub reads no other")
    old = target.read_bytes().decode("utf-8", "surrogateescape") if target.exists() else ""
    owned = {pattern: [owners_of(old, path) for path in files] for pattern, files in paths.items()}
    lines = [f"{pattern} {' '.join(names)}" for pattern, owners in owned.items() if not all(owners)]
    missing = [line for line in lines if line not in old.splitlines()]
    new = "".join(f"{line}\n" for line in (_COMMENT, *missing)) + old if missing else old
    kept = {pattern: owners[0] for pattern, owners in owned.items() if all(owners) and owners[0] != list(names)}
    return Owned(place, new.encode("utf-8", "surrogateescape"), kept)
