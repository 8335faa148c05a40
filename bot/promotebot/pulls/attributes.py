"""The attributes by which a checkout, or an archive, differs from what git stores.

https://git-scm.com/docs/gitattributes
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

LINE_ENDINGS = ("text", "eol", "crlf")
CONVERTING = (*LINE_ENDINGS, "ident", "filter", "working-tree-encoding", "export-subst", "export-ignore")
AS_STORED = " ".join(f"-{name}" for name in CONVERTING)
"""What to write behind a pattern of `.gitattributes`, so that none of them converts what it matches."""
_AS_IT_IS = ("unspecified", "unset")


def converting(found: Mapping[str, str], names: Collection[str] = CONVERTING) -> list[str]:
    """Return those of a path's attributes, by `git check-attr`, that convert it."""
    return [name for name in names if found.get(name, _AS_IT_IS[0]) not in _AS_IT_IS]
