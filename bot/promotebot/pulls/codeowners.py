"""The file CODEOWNERS: who owns a path.

https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from promotebot.promotion.policy import Policy
    from promotebot.pulls.changeset import Changeset

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


def policy_with_owners(changeset: Changeset) -> Policy:
    """Return the base's policy, with the registry's owners on the base in the place of `CODEOWNERS`; it judges people.

    Nobody owns it where no file says so. A file is read only where the policy names owners.
    """
    policy = changeset.policy
    if not policy.names_owners:
        return policy
    files = (changeset.repository.read_file(changeset.base, place, max_bytes=MAX_BYTES) for place in PLACES)
    data = next((one for one in files if one is not None), b"")
    return policy.with_owners(owners_of(data.decode("utf-8", "replace"), changeset.registry_path))
