"""The attributes by which a checkout, or an archive, differs from what git stores.

https://git-scm.com/docs/gitattributes
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from promotebot.registry.lfs import INTO_LFS

PATH = ".gitattributes"
ARTIFACTS = "ml/artifacts"
"""Where artifacts stand, unless pointers say otherwise."""
COMMENT = "# An artifact is its bytes: the manifest pins them, so git must never convert one."
AS_BYTES = f"{ARTIFACTS}/** -text"
BY_LFS = tuple(
    f"{ARTIFACTS}/**/*.{suffix} {INTO_LFS}" for suffix in ("onnx", "onnx_data", "data", "bin", "safetensors", "gguf")
)
"""Models, and the files that ONNX and others keep their weights in; a manifest is never there."""
LINE_ENDINGS = ("text", "eol", "crlf")
CONVERTING = (*LINE_ENDINGS, "ident", "filter", "working-tree-encoding", "export-subst", "export-ignore")
AS_STORED = " ".join(f"-{name}" for name in CONVERTING)
"""What to write behind a pattern of `.gitattributes`, so that none of them converts what it matches."""
BESIDE_LFS = " ".join(f"-{name}" for name in CONVERTING if name != "filter")
"""The same where Git LFS keeps some of it: without its filter, a checkout would leave the pointers there."""
_AS_IT_IS = ("unspecified", "unset")


def converting(found: Mapping[str, str], names: Collection[str] = CONVERTING) -> list[str]:
    """Return those of a path's attributes, by `git check-attr`, that convert it."""
    return [name for name in names if found.get(name, _AS_IT_IS[0]) not in _AS_IT_IS]


def with_lines(text: str, lines: Iterable[str]) -> str:
    """Return a file of attributes with the lines that it has not, at its end, where they count most."""
    missing = [line for line in lines if line not in text.splitlines()]
    if not missing:
        return text
    before = f"{text}\n" if text and not text.endswith("\n") else text
    return before + "".join(f"{line}\n" for line in [COMMENT, *missing])
