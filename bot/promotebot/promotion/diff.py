"""The dry-run diff: the registry file before and after, as reviewers and terminals read it."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import Match, SequenceMatcher

CONTEXT = 3
WHOLE = 5_000
"""Up to this many lines a file is given to difflib whole, and the diff is difflib's own to the byte."""
GAP = 500
"""Between two anchors difflib sees at most this many lines: its time grows with their square."""
_CHUNK = 64 * 1024
_NO_NEWLINE = b"\n\\ No newline at end of file\n"

Lines = Sequence[bytes]
Opcode = tuple[str, int, int, int, int]


def unified_diff(before: bytes, after: bytes, path: str) -> str:
    """A unified diff of two registry files; empty when they are equal. Ends in a newline otherwise.

    A line ends at a line feed and nowhere else, as for git: a string may hold U+2028. The work is linear in the
    size of the files.
    """
    if before == after:
        return ""
    skipped, end = (0, 0) if _is_small(before) and _is_small(after) else _equal_ends(before, after)
    offset = before.count(b"\n", 0, skipped)
    old, new = (_lines(data[skipped : len(data) - end]) for data in (before, after))
    hunks = _Aligned(old, new).get_grouped_opcodes(CONTEXT)
    body = b"".join(part for hunk in hunks for part in _hunk(hunk, old, new, offset))
    return f"--- a/{path}\n+++ b/{path}\n{body.decode('utf-8')}"


def change_counts(diff: str) -> tuple[int, int]:
    """(lines added, lines removed) of a unified diff."""
    lines = diff.split("\n")[2:]
    return sum(line.startswith("+") for line in lines), sum(line.startswith("-") for line in lines)


def _is_small(data: bytes) -> bool:
    return data.count(b"\n") < WHOLE


def _lines(data: bytes) -> list[bytes]:
    *whole, last = data.split(b"\n")
    return [line + b"\n" for line in whole] + ([last] if last else [])


def _equal_ends(before: bytes, after: bytes) -> tuple[int, int]:
    """(bytes at the start, bytes at the end) that are whole equal lines, the context beside the change left out."""
    shorter = min(len(before), len(after))
    start = before.rfind(b"\n", 0, _equal_start(before, after, shorter)) + 1
    end = _equal_end(before, after, shorter - start)
    first = len(before) - end
    newline = before.find(b"\n", first)  # what follows a common line feed starts a line in both
    kept = len(before) if newline < 0 else newline + 1
    for _ in range(CONTEXT):
        start = before.rfind(b"\n", 0, start - 1) + 1 if start > 1 else 0
        kept = before.find(b"\n", kept) + 1 or len(before)
    return start, len(before) - kept


def _equal_start(before: bytes, after: bytes, most: int) -> int:
    same = 0
    while same < most and before[same : same + _CHUNK] == after[same : same + _CHUNK]:
        same += _CHUNK
    while same < most and before[same] == after[same]:
        same += 1
    return min(same, most)


def _equal_end(before: bytes, after: bytes, most: int) -> int:
    same, old, new = 0, len(before), len(after)
    while same + _CHUNK <= most and (
        before[old - same - _CHUNK : old - same] == after[new - same - _CHUNK : new - same]
    ):
        same += _CHUNK
    while same < most and before[old - same - 1] == after[new - same - 1]:
        same += 1
    return same


class _Aligned(SequenceMatcher[bytes]):
    """difflib's grouping over matching blocks that are found in linear time where the files are long."""

    def __init__(self, old: Lines, new: Lines) -> None:
        super().__init__(None, (), ())
        self._old, self._new = old, new

    def get_matching_blocks(self) -> list[Match]:
        old, new = self._old, self._new
        if len(old) <= WHOLE and len(new) <= WHOLE:
            return SequenceMatcher(None, old, new).get_matching_blocks()
        found: list[Match] = []
        for block in _anchored(old, new):
            last = found[-1] if found else Match(0, 0, 0)
            if (last.a + last.size, last.b + last.size) == (block.a, block.b) and block.size:
                found[-1:] = [Match(last.a, last.b, last.size + block.size)]
            else:
                found.append(block)
        return found


def _anchored(old: Lines, new: Lines) -> Iterator[Match]:
    """Matching blocks in order: lines that are unique in both files hold the two together, difflib fills the gaps."""
    i = j = 0
    for a, b in (*_anchors(old, new), (len(old), len(new))):
        if a < i:
            continue  # a run of equal lines went past this anchor
        yield from _in_gap(old, new, (i, a), (j, b))
        i, j = a, b
        while i < len(old) and j < len(new) and old[i] == new[j]:
            i, j = i + 1, j + 1
        yield Match(a, b, i - a)  # the last one is empty and ends the list, as difflib's do


def _in_gap(old: Lines, new: Lines, in_old: tuple[int, int], in_new: tuple[int, int]) -> Iterator[Match]:
    left, right = old[slice(*in_old)], new[slice(*in_new)]
    if max(len(left), len(right)) <= GAP:
        for block in SequenceMatcher(None, left, right).get_matching_blocks()[:-1]:
            yield Match(in_old[0] + block.a, in_new[0] + block.b, block.size)


def _anchors(old: Lines, new: Lines) -> list[tuple[int, int]]:
    """The longest rising sequence of lines that stand once in each file (patience diff)."""
    once = {line for line, count in Counter(old).items() if count == 1}
    places = {line: b for b, line in enumerate(new) if line in once}
    once &= {line for line, count in Counter(new).items() if count == 1}
    pairs = [(a, places[line]) for a, line in enumerate(old) if line in once]
    tops: list[int] = []  # the smallest b that a rising sequence of each length ends with
    ends: list[int] = []
    below: list[int] = []
    for index, (_, b) in enumerate(pairs):
        length = bisect_left(tops, b)
        tops[length : length + 1] = [b]
        ends[length : length + 1] = [index]
        below.append(ends[length - 1] if length else -1)
    rising: list[tuple[int, int]] = []
    index = ends[-1] if ends else -1
    while index >= 0:
        rising.append(pairs[index])
        index = below[index]
    return rising[::-1]


def _hunk(opcodes: Sequence[Opcode], old: Lines, new: Lines, offset: int) -> Iterator[bytes]:
    (_, a1, _, b1, _), (_, _, a2, _, b2) = opcodes[0], opcodes[-1]
    yield f"@@ -{_range(a1 + offset, a2 - a1)} +{_range(b1 + offset, b2 - b1)} @@\n".encode()
    for tag, i1, i2, j1, j2 in opcodes:
        if tag == "equal":
            yield from (_printed(b" ", line) for line in old[i1:i2])
        else:
            yield from (_printed(b"-", line) for line in old[i1:i2])
            yield from (_printed(b"+", line) for line in new[j1:j2])


def _printed(sign: bytes, line: bytes) -> bytes:
    return sign + (line if line.endswith(b"\n") else line + _NO_NEWLINE)


def _range(start: int, length: int) -> str:
    """An empty range names the line before it.

    https://www.gnu.org/software/diffutils/manual/html_node/Detailed-Unified.html
    """
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"
