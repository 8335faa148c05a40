"""The dry-run diff: the registry file before and after, as reviewers and terminals read it."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import Match, SequenceMatcher

CONTEXT = 3
"""Unchanged lines around a change, as git shows them."""
WHOLE = 5_000
"""Up to this many lines a file is given to difflib whole, and the diff is difflib's own to the byte."""
GAP = 500
"""Between two anchors difflib sees at most this many lines: its time grows with their square."""
# Equal bytes are compared in chunks, which C does, and one by one only in the chunk that differs.
_CHUNK = 64 * 1024
_NO_NEWLINE = b"\n\\ No newline at end of file\n"

Lines = Sequence[bytes]
Opcode = tuple[str, int, int, int, int]


def unified_diff(before: bytes, after: bytes, path: str) -> str:
    """Return a unified diff of two registry files; empty when they are equal. Ends in a newline otherwise.

    A line ends at a line feed and nowhere else, as for git: a string may hold U+2028. The work is linear in the
    size of the files.
    """
    if before == after:
        return ""
    skipped, end = (0, 0) if _is_small(before) and _is_small(after) else _equal_ends(before, after)
    # Line numbers in the hunks count the lines that were skipped at the start.
    offset = before.count(b"\n", 0, skipped)
    old, new = (_lines(data[skipped : len(data) - end]) for data in (before, after))
    hunks = _Aligned(old, new).get_grouped_opcodes(CONTEXT)
    body = b"".join(part for hunk in hunks for part in _hunk(hunk, old, new, offset))
    return f"--- a/{path}\n+++ b/{path}\n{body.decode('utf-8')}"


def change_counts(diff: str) -> tuple[int, int]:
    """Return (lines added, lines removed) of a unified diff."""
    # The first two lines name the files, and start with the same signs.
    lines = diff.split("\n")[2:]
    return sum(line.startswith("+") for line in lines), sum(line.startswith("-") for line in lines)


def _is_small(data: bytes) -> bool:
    return data.count(b"\n") < WHOLE


def _lines(data: bytes) -> list[bytes]:
    *whole, last = data.split(b"\n")
    return [line + b"\n" for line in whole] + ([last] if last else [])


def _equal_ends(before: bytes, after: bytes) -> tuple[int, int]:
    """Return (bytes at the start, bytes at the end) in whole equal lines, the context beside the change left out."""
    shorter = min(len(before), len(after))
    start = before.rfind(b"\n", 0, _equal_start(before, after, shorter)) + 1
    # What is equal at the start must not be counted again at the end, as in "aa" → "aaa".
    end = _equal_end(before, after, shorter - start)
    first = len(before) - end
    # The equal end may begin inside a line; after its first line feed a line starts in both files.
    newline = before.find(b"\n", first)
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
    # The last chunk can be shorter than _CHUNK.
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
        # The base class would index both files at once; get_matching_blocks below is all that its grouping needs.
        super().__init__(None, (), ())
        self._old, self._new = old, new

    def get_matching_blocks(self) -> list[Match]:
        """Return the matching blocks in order, adjacent ones joined, as SequenceMatcher promises."""
        old, new = self._old, self._new
        if len(old) <= WHOLE and len(new) <= WHOLE:
            return SequenceMatcher(None, old, new).get_matching_blocks()
        blocks: list[Match] = []
        for block in _anchored(old, new):
            last = blocks[-1] if blocks else Match(0, 0, 0)
            if (last.a + last.size, last.b + last.size) == (block.a, block.b) and block.size:
                blocks[-1:] = [Match(last.a, last.b, last.size + block.size)]
            else:
                blocks.append(block)
        return blocks


def _anchored(old: Lines, new: Lines) -> Iterator[Match]:
    """Yield matching blocks in order: lines that are unique in both files are anchors, difflib fills the gaps."""
    i = j = 0
    for a, b in (*_anchors(old, new), (len(old), len(new))):
        # A run of equal lines went past this anchor already.
        if a < i:
            continue
        yield from _in_gap(old, new, (i, a), (j, b))
        i, j = a, b
        while i < len(old) and j < len(new) and old[i] == new[j]:
            i, j = i + 1, j + 1
        # The last one is empty and ends the list, as difflib's do.
        yield Match(a, b, i - a)


def _in_gap(old: Lines, new: Lines, in_old: tuple[int, int], in_new: tuple[int, int]) -> Iterator[Match]:
    # A larger gap is shown as removed and added whole: right, if not the shortest diff, and quick.
    left, right = old[slice(*in_old)], new[slice(*in_new)]
    if max(len(left), len(right)) <= GAP:
        for block in SequenceMatcher(None, left, right).get_matching_blocks()[:-1]:
            yield Match(in_old[0] + block.a, in_new[0] + block.b, block.size)


def _anchors(old: Lines, new: Lines) -> list[tuple[int, int]]:
    """Return the longest rising sequence of lines that occur once in each file, as (index in old, index in new).

    Patience diff: https://bramcohen.livejournal.com/73318.html
    """
    once = {line for line, count in Counter(old).items() if count == 1}
    places = {line: b for b, line in enumerate(new) if line in once}
    once &= {line for line, count in Counter(new).items() if count == 1}
    pairs = [(a, places[line]) for a, line in enumerate(old) if line in once]
    # tops: the smallest b that a rising sequence of each length ends with; ends: the pair that has it;
    # below: the pair before each in its sequence.
    tops: list[int] = []
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
    """Return a range of a hunk's header; an empty one names the line before it.

    https://www.gnu.org/software/diffutils/manual/html_node/Detailed-Unified.html
    """
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"
