"""GitHub Markdown from data nobody vouches for: mentions, references, HTML, links and fences made harmless."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Sequence

MAX_COMMENT = 65_536
_ACTIVE = re.compile(r"([\\`*_{}\[\]()<>#+!|~&@:$-])")
_BLOCK = re.compile(r"^( {0,3})(\d{0,9})(?=[-+](?: |$)|-[- ]*$|=+ *$|(?<=\d)[.)](?: |$))")
_FENCE = re.compile(r"\s*(`{3,})[^`]*")
# Shown by nobody, though their category says letter or mark: Default_Ignorable_Code_Point of
# https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt, and the blank Braille pattern.
_BLANK = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, *range(0x180B, 0x1810)}
_BLANK |= {*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
_SAFE_MARKER = re.compile(r"@?[a-z0-9_]{1,128}")


def visible(value: str) -> str:
    """One line; control, zero-width and bidirectional characters shown as U+XXXX."""
    if value.isascii() and value.isprintable():
        return value
    return "".join(" " if c in "\r\n\t" else f"U+{ord(c):04X}" if _hidden(c) else c for c in value)


def _hidden(c: str) -> bool:
    return unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") or ord(c) in _BLANK


def text(value: str) -> str:
    """Prose that shows exactly these characters.

    A backslash before every character that Markdown could act on; `@`, `#` and `:` as entities, because
    GitHub links mentions, references and emoji after escapes are resolved. What would begin a list, a rule or
    a heading at the start of a line is escaped wherever the words end up.
    https://github.github.com/gfm/#backslash-escapes
    """
    shown = visible(value)
    escaped = _ACTIVE.sub(lambda m: _ENTITIES.get(m[1], "\\" + m[1]), shown)
    escaped = _BLOCK.sub(r"\1\2\\", escaped) if not shown.startswith("    ") else "&#32;" + escaped[1:]
    escaped = re.sub(r"(?i)(gh)-(?=\d)", r"\1&#8209;", escaped)
    return re.sub(r"(?i)www\.", "www&#46;", escaped)


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
    """Inline code; inside it nothing is a mention, a link or a reference."""
    shown = visible(value) or " "
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if shown.startswith(("`", " ")) or shown.endswith(("`", " ")) else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def fence(content: str, language: str = "") -> str:
    """A fenced block whose fence is longer than any run of backticks inside; its lines are made visible."""
    longest = max((len(run) for run in re.findall(r"`+", content)), default=0)
    marks = "`" * max(3, longest + 1)
    lines = re.split(r"\r\n|\r|\n", content.rstrip())
    return "\n".join([f"{marks}{re.sub('[^a-z]', '', language)}", *map(visible, lines), marks])


def marker(subject: str) -> str:
    """The hidden first line by which the bot finds its own comment again."""
    if not _SAFE_MARKER.fullmatch(subject):
        subject = "general"
    return f"<!-- promotebot:{subject} -->"


def details(summary: str, body: str) -> str:
    """A folded section; `summary` is plain words, made harmless here, where Markdown's escapes do not work."""
    safe = re.sub(r"(?i)(gh)-(?=\d)", "\\1\u2011", html.escape(visible(summary), quote=False))
    safe = re.sub("([@#])", "\\1\u2060", safe)
    return f"<details><summary>{safe}</summary>\n\n{body}\n\n</details>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are Markdown already. A pipe would end a cell even inside code, so every one is escaped.

    The table takes one backslash off before every pipe and only then reads the cell, so what is escaped already
    is escaped once more. https://github.github.com/gfm/#example-200
    """
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in lines)


def link(label: str, url: str) -> str:
    """A link to an address we built; `label` is Markdown already."""
    return f"[{label}](<{url.replace('>', '%3E').replace('<', '%3C')}>)"


def bounded(sections: Sequence[str], *, limit: int = MAX_COMMENT, where_else: str = "the step summary") -> str:
    """Sections joined by blank lines; to fit, folded ones are left out, largest first, then the longest are cut.

    The limit counts UTF-8 bytes, which are never fewer than the characters that GitHub counts. The first
    section, which holds the marker, goes last.
    """
    if _size(sections) <= limit:
        return "\n\n".join(sections)
    note = f"_Some sections did not fit into a comment; the full text is in {where_else}._"
    kept = list(sections)
    for section in sorted(sections[1:], key=len, reverse=True):
        if section.startswith("<details>") and _size([*kept, note]) > limit:
            kept.remove(section)
    for index in sorted(range(len(kept)), key=lambda i: (i > 0, len(kept[i])), reverse=True):
        excess = _size([*kept, note]) - limit
        if excess > 0:
            kept[index] = cut(kept[index], _size([kept[index]]) - excess)
    return "\n\n".join([*filter(None, kept), note])


def cut(markdown: str, limit: int) -> str:
    """As many of its first lines as fit into `limit` UTF-8 bytes, with the fence and the folds they open closed.

    A line is kept or left out as a whole: half of one could end inside a code span and let its content out.
    """
    if _size([markdown]) <= limit:
        return markdown
    lines = markdown.split("\n")
    used, fitting, ending = -1, 0, ""
    inside, folds = "", 0
    for number, line in enumerate(lines, start=1):
        used += len(line.encode()) + 1
        if used > limit:
            break
        mark = _FENCE.fullmatch(line)
        if mark and not inside:
            inside = mark[1]
        elif inside and line.strip().strip("`") == "" and len(line.strip()) >= len(inside):
            inside = ""
        elif not inside:
            folds += line.count("<details>") - line.count("</details>")
        closing = (f"\n{inside}" if inside else "") + "\n\n</details>" * folds
        if used + len(closing) <= limit:
            fitting, ending = number, closing
    return "\n".join(lines[:fitting]) + ending


def _size(sections: Sequence[str]) -> int:
    return len("\n\n".join(sections).encode())
