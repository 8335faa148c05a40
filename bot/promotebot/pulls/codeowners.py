"""The file CODEOWNERS: who owns a path.

https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from promotebot.artifact.source import Kind

if TYPE_CHECKING:
    from promotebot.artifact.source import FileSource
    from promotebot.promotion.policy import Policy
    from promotebot.pulls.compare import ChangesetLike

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where GitHub looks; the first file that is there counts."""
MAX_BYTES = 3 * 1024 * 1024
"""GitHub reads no larger one."""


def owners_of(text: str, path: str) -> list[str]:
    """Return the owners of a file: those of the last pattern that matches, which may name none."""
    owners: list[str] = []
    for line in text.splitlines():
        words = re.sub(r"(?<!\\)#.*", "", line).split()
        if words and _matches(words[0].replace("\\#", "#"), path):
            owners = words[1:]
    return owners


def _matches(pattern: str, path: str) -> bool:
    """Return whether a pattern holds a file: as in .gitignore, but that `folder/*` is the folder's own files only."""
    body = pattern.strip("/")
    anchored = "" if pattern.startswith("/") or "/" in body else "(?:.*/)?"
    known = {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    built = "".join(known.get(part) or re.escape(part) for part in re.findall(r"\*\*/|/\*\*|\*\*|.", body))
    below = "/.+" if pattern.endswith("/") else "" if body.endswith("/*") else "(?:/.+)?"
    return re.fullmatch(f"{anchored}{built}{below}", path) is not None


def policy_with_owners(changeset: ChangesetLike) -> Policy:
    """Return the base's policy, with the registry's owners on the base in the place of `CODEOWNERS`; it judges people.

    Nobody owns it where no file says so, or what it says is not known. A file is read only where the policy names
    owners.
    """
    policy = changeset.policy
    if not policy.names_owners:
        return policy
    return policy.with_owners(base_owners(changeset))


def base_owners(changeset: ChangesetLike) -> list[str]:
    """Return the registry's owners on the base; none where no file says so, or what it says is not known."""
    return _owners(changeset.base_files, changeset.registry_path) or []


def changes_owners(changeset: ChangesetLike) -> bool:
    """Return whether merging may give the registry other owners, where the policy lets them promote.

    A file that is there at one side only, or is no regular file, is another one: unknown is never the same.

    Raises:
        CouldNotVerify: when git does not answer.
    """
    if not changeset.policy.names_owners or not any(path in PLACES for path in changeset.changed_paths):
        return False
    sides = (changeset.fork_files, changeset.base_files, changeset.head_files)
    fork, base, head = (_owners(files, changeset.registry_path) for files in sides)
    return not (fork == base == head and head is not None)


def _owners(files: FileSource, path: str) -> list[str] | None:
    """Return the owners of a file as one side names them; None where that is not known."""
    place = next((place for place in PLACES if files.kind(place) is not None), None)
    if place is None:
        return []
    if files.kind(place) is not Kind.FILE:
        return None
    with files.open(place) as stream:
        data = stream.read(MAX_BYTES + 1)
    return owners_of(data.decode("utf-8", "replace"), path) if len(data) <= MAX_BYTES else None
