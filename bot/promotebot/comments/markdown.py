"""GitHub Markdown from data nobody vouches for: mentions, references, HTML, links and fences made harmless."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from promotebot.text import cut, utf8_size, visible

MAX_COMMENT = 65_536
"""Characters that GitHub takes for a comment; longer ones are refused by the API."""
_MARKER_ROOM = 128
"""Of them, left for a hidden first line that is put in the place of another."""
_ACTIVE = re.compile(r"([\\`*_{}\[\]()<>#+!|~&@:$-])")
# What starts a list, a rule or a heading: https://github.github.com/gfm/#leaf-blocks
_BLOCK = re.compile(r"^( {0,3})(\d{0,9})(?=[-+](?: |$)|-[- ]*$|=+ *$|(?<=\d)[.)](?: |$))")
_SAFE_MARKER = re.compile(r"@?[a-z0-9_]{1,128}")


def text(value: str) -> str:
    """Return Markdown that shows exactly these characters.

    A backslash before every character that Markdown could act on; `@`, `#` and `:` as entities, because
    GitHub links mentions, references and emoji after escapes are resolved. What would begin a list, a rule or
    a heading at the start of a line is escaped wherever the words end up.
    https://github.github.com/gfm/#backslash-escapes
    """
    shown = visible(value)
    escaped = _ACTIVE.sub(lambda m: _ENTITIES.get(m[1], "\\" + m[1]), shown)
    escaped = _BLOCK.sub(r"\1\2\\", escaped) if not shown.startswith("    ") else "&#32;" + escaped[1:]
    # GitHub links `GH-1` to an issue, and `www.` to a site: no escape stops it, another character does.
    escaped = re.sub(r"(?i)(gh)-(?=\d)", r"\1&#8209;", escaped)
    return re.sub(r"(?i)www\.", "www&#46;", escaped)


# Where a backslash does not help: GitHub looks for mentions, references and emoji after escapes are resolved.
# U+2060 joins words without a width, so that the sign looks the same and `@name` is no name. Parentheses mean nothing
# after an escaped `]`, and `_BLOCK` sees to + and - at the start of a line.
_ENTITIES = {
    "@": "@\u2060",
    "#": "#\u2060",
    ":": "&#58;",
    "<": "&lt;",
    ">": "&gt;",
    "&": "&amp;",
    "-": "-",
    "(": "(",
    ")": ")",
    "+": "+",
    "!": "\\!",
}


def code(value: str) -> str:
    """Return inline code; inside it nothing is a mention, a link or a reference.

    https://github.github.com/gfm/#code-spans
    """
    # An empty code span does not exist: two backticks are shown as they are.
    shown = visible(value) or " "
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * (longest + 1)
    # One space is stripped on either side, so that a backtick at the edge can be shown.
    pad = " " if shown.startswith(("`", " ")) or shown.endswith(("`", " ")) else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def fence(content: str, language: str = "") -> str:
    """Return a fenced block whose fence is longer than any run of backticks inside; its lines are made visible."""
    longest = max((len(run) for run in re.findall(r"`+", content)), default=0)
    marks = "`" * max(3, longest + 1)
    lines = re.split(r"\r\n|\r|\n", content.rstrip())
    return "\n".join([f"{marks}{re.sub('[^a-z]', '', language)}", *map(visible, lines), marks])


def marker(subject: str) -> str:
    """Return the hidden first line by which the bot finds its own comment again; "general" for an unsafe subject."""
    if not _SAFE_MARKER.fullmatch(subject):
        subject = "general"
    return f"<!-- promotebot:{subject} -->"


def marked_subject(body: str) -> str:
    """Return the subject that a comment's hidden first line names; empty where it has none."""
    found = re.match(r"<!-- promotebot:(@?[a-z0-9_]{1,128}) -->", body)
    return found[1] if found else ""


def details(summary: str, body: str) -> str:
    """Return a folded section; `summary` is plain words, made harmless here, where Markdown's escapes do not work."""
    safe = re.sub(r"(?i)(gh)-(?=\d)", "\\1\u2011", html.escape(visible(summary), quote=False))
    safe = re.sub("([@#])", "\\1\u2060", safe)
    return f"<details><summary>{safe}</summary>\n\n{body}\n\n</details>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; cells are Markdown already. A pipe would end a cell even inside code, so each is escaped.

    The table takes one backslash off before every pipe and only then reads the cell, so what is escaped already
    is escaped once more. https://github.github.com/gfm/#example-200
    """
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in lines)


def link(label: str, url: str) -> str:
    """Return a link to an address that promotebot built; `label` is Markdown already."""
    return f"[{label}](<{url.replace('>', '%3E').replace('<', '%3C')}>)"


def bounded(
    sections: Sequence[str], *, limit: int = MAX_COMMENT - _MARKER_ROOM, where_else: str = "the step summary"
) -> str:
    """Join sections by blank lines; to fit, folded ones are left out, largest first, then the longest are cut.

    The limit counts UTF-8 bytes, which are never fewer than the characters that GitHub counts. The first
    section, which holds the marker, goes last.
    """
    if utf8_size(sections) <= limit:
        return "\n\n".join(sections)
    note = f"_Some sections did not fit into a comment; the full text is in {where_else}._"
    kept = list(sections)
    for section in sorted(sections[1:], key=len, reverse=True):
        if section.startswith("<details>") and utf8_size([*kept, note]) > limit:
            kept.remove(section)
    for index in sorted(range(len(kept)), key=lambda i: (i > 0, len(kept[i])), reverse=True):
        excess = utf8_size([*kept, note]) - limit
        if excess > 0:
            kept[index] = cut(kept[index], utf8_size([kept[index]]) - excess)
    return "\n\n".join([*filter(None, kept), note])
