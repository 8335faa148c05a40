"""What differs from run to run in a text is made the same: ids of commits, digests, numbers, places, measured times."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence

_HEX = re.compile(r"(sha256:)?(?<![0-9A-Za-z_])([0-9a-f]{7,64})(?![0-9A-Za-z_])")
WHOLE = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{40})(?![0-9a-f])")
"""A digest or the id of a git object, not shortened."""
_ID = re.compile(r"(?<!\d)1\d{9}(?!\d)")
"""An id of the embedded GitHub, which counts from 1,000,000,001 on."""
_REPLACED = (
    (re.compile(r"\bhttp(:|&#58;)//127\.0\.0\.1(?::|&#58;)\d+"), r"https\1//github.com"),
    (re.compile(r"\d+(?:\.\d+)?(?:e[+-]\d+)? ms\b"), "1.2 ms"),
    (re.compile(r"\d+ MB of memory"), "34 MB of memory"),
    (re.compile(r"median of \d+ runs"), "median of 50 runs"),
    (re.compile(r"\b\d+\.\d\d×"), "1.00×"),
    (re.compile(r"\b\d\.\de-\d\d\b"), "6.0e-08"),
    (re.compile(r"(?<=^This job made )\d.*$", re.MULTILINE), "9 API requests (7 reads, 2 writes), 2 git fetches."),
)
"""Where the service listens, what was measured, and what a job cost, which budgets watch elsewhere."""


def stable(texts: Sequence[str], known: Iterable[str], folders: Mapping[str, str]) -> list[str]:
    """Return the texts of one situation as every run gives them.

    Args:
        known: digests and ids of git objects, which a text may show shortened.
        folders: a folder of this machine → what it is called instead.
    """
    names = _Names({*known, *(whole for text in texts for whole in WHOLE.findall(text))})
    return [_stable(text, names, folders) for text in texts]


def _stable(text: str, names: _Names, folders: Mapping[str, str]) -> str:
    for folder, name in folders.items():
        text = text.replace(folder, name)
    text = _HEX.sub(lambda match: (match[1] or "") + names.hex(match[2], is_digest=bool(match[1])), text)
    text = _ID.sub(lambda match: names.number(match[0]), text)
    for pattern, replacement in _REPLACED:
        text = pattern.sub(replacement, text)
    return text


class _Names:
    """New names in the order in which the old ones come up; the shortened form of an id gets the same one."""

    def __init__(self, known: set[str]) -> None:
        self._known = sorted(known)
        self._names: dict[str, str] = {}
        self._numbers: dict[str, str] = {}

    def hex(self, token: str, *, is_digest: bool) -> str:
        """Return another id of the same length. What is no id, such as a word or a number, stays."""
        whole = next((known for known in self._known if known.startswith(token)), token if is_digest else None)
        if whole is None:
            return token
        if whole not in self._names:
            self._names[whole] = hashlib.sha256(f"id {len(self._names)}".encode()).hexdigest()
        return self._names[whole][: len(token)]

    def number(self, token: str) -> str:
        return self._numbers.setdefault(token, str(1_000_000_001 + len(self._numbers)))
