"""GitHub Markdown from data nobody vouches for: mentions, references, HTML, links and fences made harmless."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

MAX_COMMENT = 65_536
_ACTIVE = re.compile(r"([\\`*_{}\[\]()<>#+!|~&@:$-])")
_PIPE = re.compile(r"(?<!\\)\|")
_SAFE_MARKER = re.compile(r"[a-z0-9_]{1,128}")


def visible(value: str) -> str:
    """One line; control, zero-width and bidirectional characters shown as U+XXXX."""
    return "".join(" " if c in "\r\n\t" else f"U+{ord(c):04X}" if _hidden(c) else c for c in value)


def _hidden(c: str) -> bool:
    return unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def text(value: str) -> str:
    """Prose that shows exactly these characters.

    A backslash before every character that Markdown could act on; `@`, `#` and `:` as entities, because
    GitHub links mentions, references and emoji after escapes are resolved.
    https://github.github.com/gfm/#backslash-escapes
    """
    escaped = _ACTIVE.sub(lambda m: _ENTITIES.get(m[1], "\\" + m[1]), visible(value))
    escaped = re.sub(r"(?i)\b(gh)-(?=\d)", r"\1&#8209;", escaped)
    return re.sub(r"(?i)\bwww\.", "www&#46;", escaped)


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
    """A fenced block whose fence is longer than any run of backticks inside."""
    longest = max((len(run) for run in re.findall(r"`+", content)), default=0)
    marks = "`" * max(3, longest + 1)
    return f"{marks}{language}\n{content.rstrip()}\n{marks}"


def marker(subject: str) -> str:
    """The hidden first line by which the bot finds its own comment again."""
    if not _SAFE_MARKER.fullmatch(subject):
        subject = "general"
    return f"<!-- promotebot:{subject} -->"


def details(summary: str, body: str) -> str:
    """A folded section; `summary` is HTML-safe by being escaped here."""
    safe = summary.replace("&", "&amp;").replace("<", "&lt;")
    return f"<details><summary>{safe}</summary>\n\n{body}\n\n</details>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are Markdown already. A bare pipe would end a cell even inside code, so it is escaped.

    https://github.github.com/gfm/#example-200
    """
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_PIPE.sub(r"\\|", cell) for cell in cells) + " |" for cells in lines)


def link(label: str, url: str) -> str:
    """A link to an address we built; `label` is Markdown already."""
    return f"[{label}](<{url.replace('>', '%3E').replace('<', '%3C')}>)"


def bounded(sections: Sequence[str], *, limit: int = MAX_COMMENT, where_else: str = "the step summary") -> str:
    """Sections joined by blank lines; whole ones are left out from the end of the folded ones to fit.

    The limit counts UTF-8 bytes, which are never fewer than the characters that GitHub counts.
    """
    kept = list(sections)
    note = f"_Some sections did not fit into a comment; the full text is in {where_else}._"
    dropped = False
    while len("\n\n".join([*kept, note]).encode()) > limit:
        folded = [index for index, section in enumerate(kept) if section.startswith("<details>")]
        index = (
            max(folded, key=lambda i: len(kept[i])) if folded else max(range(1, len(kept)), key=lambda i: len(kept[i]))
        )
        if folded:
            del kept[index]
        else:
            kept[index] = _shortened(kept[index], len("\n\n".join([*kept, note]).encode()) - limit)
        dropped = True
    return "\n\n".join([*kept, note] if dropped else kept)


def _shortened(section: str, excess: int) -> str:
    """The section without its last rows, at least `excess` bytes shorter."""
    lines = section.split("\n")
    gone = 0
    while lines and gone <= excess:
        gone += len(lines.pop().encode()) + 1
    return "\n".join(lines)
