"""Whether a tag can be released: `release.py TAG` prints what CHANGELOG.md says of the version.

Exits 1 where the tag is not the package's version, or where the changelog has no section on it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def notes(tag: str, version: str, changelog: str) -> str:
    """Return what is new in a version.

    Raises:
        ValueError: where the tag is not the version's, or nothing is said of it.
    """
    if tag != f"v{version}":
        raise ValueError(f"the tag is {tag!r}, the version is {version!r} (bot/promotebot/__init__.py)")
    section = re.search(rf"^## \[{re.escape(version)}\].*\n((?:(?!## \[).*\n)*)", changelog, re.MULTILINE)
    if section is None or not section[1].strip():
        raise ValueError(f"CHANGELOG.md has no section [{version}]. Next: write what is new under this heading")
    return section[1].strip() + "\n"


if __name__ == "__main__":
    source = (ROOT / "bot" / "promotebot" / "__init__.py").read_text(encoding="utf-8")
    (declared,) = re.findall(r'^__version__ = "(.*)"$', source, re.MULTILINE)
    try:
        sys.stdout.write(notes(sys.argv[1], declared, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")))
    except ValueError as problem:
        sys.exit(f"release: {problem}")
