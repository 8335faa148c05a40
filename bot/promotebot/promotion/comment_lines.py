"""The lines of a comment that may be commands: what GitHub shows as plain text, beginning with a slash."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:  # type checkers read this as true, whatever is assigned; typing itself takes time to load
    from collections.abc import Iterator

# https://github.github.com/gfm/#fenced-code-blocks
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)")
# https://github.github.com/gfm/#html-blocks, the first kind: what stands in it is shown as it is
_AS_IT_IS = re.compile(r"<(pre|textarea|script|style)(?=[\s>]|$)", re.IGNORECASE)
_BACKTICKS = re.compile(r"(`+)")


def command_lines(body: str) -> Iterator[tuple[int, str]]:
    """Yield (1-based number, text) of the lines that start with a slash and that GitHub shows as plain text."""
    return ((number, line) for number, line in plain_lines(body) if line.startswith("/"))


def lines_of(body: str) -> list[str]:
    """Return the lines of a comment, however they end: not every answer of GitHub need end them in the same way."""
    return re.split(r"\r\n|\r|\n", body)


def plain_lines(body: str) -> Iterator[tuple[int, str]]:
    """Yield (1-based number, text) of the lines outside code fences, `<pre>` and HTML comments.

    Code that quotes a command, and an HTML comment that hides one, must not carry it out: a reviewer does not
    read either as a request. What opens behind a command is an unexpected word, which the grammar refuses and reports.
    """
    fence = closing = ""
    commented = False
    for number, line in enumerate(lines_of(body), start=1):
        match = _FENCE.match(line)
        if fence:
            closes = match and match[1].startswith(fence) and not match[2].strip()
            fence = "" if closes else fence
        elif closing or _AS_IT_IS.search(_outside_code(line)):
            if not closing and line.startswith("/"):
                yield number, line
            closing = _open_after(line, closing)
        elif commented or "<!--" in line:
            started = commented
            commented = _comment_open_after(line, commented)
            if not started:
                yield number, line
        elif match:
            fence = match[1]
        else:
            yield number, line


def _outside_code(line: str) -> str:
    """Return a line without its code spans, each of which ends at the next run of as many backticks as it began with.

    In time that grows with the line's length alone, whoever wrote it: https://github.github.com/gfm/#code-spans
    """
    pieces = _BACKTICKS.split(line)  # text and runs of backticks by turns
    last = {run: index for index, run in enumerate(pieces) if index % 2}
    outside, index = list[str](), 0
    while index < len(pieces):
        if index % 2 and last[pieces[index]] > index:
            index = pieces.index(pieces[index], index + 1)
        else:
            outside.append(pieces[index])
        index += 1
    return "".join(outside)


def _open_after(line: str, closing: str) -> str:
    """Return the tag that closes what a line leaves shown as it is; empty where the line closes it itself."""
    opened = _AS_IT_IS.search(line)
    tag = closing or (f"</{opened[1].lower()}>" if opened else "")
    return "" if tag in line.lower() else tag


def _comment_open_after(line: str, inside: bool) -> bool:
    # A line can close one comment and open the next: https://github.github.com/gfm/#html-comment
    while True:
        mark = "-->" if inside else "<!--"
        position = line.find(mark)
        if position < 0:
            return inside
        line, inside = line[position + len(mark) :], not inside
