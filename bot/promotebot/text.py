"""Text as people may see it: hidden characters shown, long Markdown cut, digests and durations short."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

MAX_LISTED, MAX_QUOTED = 20, 60
_DIGEST = re.compile(r"\bsha256:[0-9a-f]{64}\b")
_FENCE = re.compile(r"\s*(`{3,})[^`]*")

# Invisible, though their category is letter or mark: Default_Ignorable_Code_Point of
# https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt, and the blank Braille pattern.
_BLANK = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, *range(0x180B, 0x1810)}
_BLANK |= {*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
_BLANK_TEXT = frozenset(map(chr, _BLANK))


def visible(value: str) -> str:
    """Return the value in one line, control, zero-width and bidirectional characters shown as U+XXXX.

    Text that a reviewer cannot see could make a comment read otherwise than the bytes it stands for.
    """
    # Nearly every value is plain, and long diffs come through here line by line.
    if value.isprintable() and _BLANK_TEXT.isdisjoint(value):
        return value
    shown: list[str] = []
    for c, after in zip(value, f"{value[1:]} ", strict=True):
        plain = not _hidden(c) or _joins(shown[-1] if shown else "", c, after)
        shown.append(" " if c in "\r\n\t" else c if plain else f"U+{ord(c):04X}")
    return "".join(shown)


def _joins(before: str, c: str, after: str) -> bool:
    """Return whether a joiner or a variation selector shapes a word or an emoji, as it does in no path or name."""
    if len(before) != 1 or before.isascii() or unicodedata.category(before)[0] not in "LMS":
        return False
    if c == "\ufe0f":
        return unicodedata.category(before) == "So"
    is_shaped = not after.isascii() and unicodedata.category(after)[0] in "LMS" and not _hidden(after)
    return c in "\u200c\u200d" and is_shaped


def _hidden(c: str) -> bool:
    # Format and private-use characters, halves of surrogate pairs and what Unicode has not assigned: no font agrees.
    return unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") or ord(c) in _BLANK


def cut(markdown: str, limit: int) -> str:
    """Return as many of the first lines as fit into `limit` UTF-8 bytes, and close the fence and folds they open.

    A line is kept or left out as a whole: half of one could end inside a code span and let its content out.
    """
    if utf8_size([markdown]) <= limit:
        return markdown
    lines = markdown.split("\n")
    # Every line is counted with its line feed; the last one has none.
    used, fitting, ending = -1, 0, ""
    inside, folds = "", 0
    for number, line in enumerate(lines, start=1):
        used += len(line.encode()) + 1
        if used > limit:
            break
        mark = _FENCE.fullmatch(line)
        if mark and not inside:
            inside = mark[1]
        # A fence ends at a line of at least as many backticks: https://github.github.com/gfm/#fenced-code-blocks
        elif inside and line.strip().strip("`") == "" and len(line.strip()) >= len(inside):
            inside = ""
        elif not inside:
            folds += line.count("<details>") - line.count("</details>")
        closing = (f"\n{inside}" if inside else "") + "\n\n</details>" * folds
        if used + len(closing) <= limit:
            fitting, ending = number, closing
    return "\n".join(lines[:fitting]) + ending


def counted(number: int, noun: str) -> str:
    """Return a number with its noun in the right form: `1 event`, `2 events`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def distance(most: str, side: str, other: str) -> str:
    """Return in words how far a number may be from another one: `at most 0.01 below ACTIVE`, `not above ACTIVE`."""
    return f"at most {most} {side} {other}" if Decimal(most) else f"not {side} {other}"


def size_words(size: int) -> str:
    """Return a number of bytes in three digits: `512 B`, `1.5 KB`, `14.5 GB`."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}" if size < 100 * scale else f"{size / scale:.0f} {unit}"
    return f"{size} B"


def percent(share: float) -> str:
    """Return a share in percent; one that is not all is never rounded to it: `99.9 %`."""
    value = share * 100
    return f"{min(round(value, 1), 99.9) if value < 100 else 100:g} %"


def time_words(milliseconds: float) -> str:
    """Return a time that was measured in three digits: `0.0076 ms`, `52.4 ms`, `21.4 s`."""
    return f"{milliseconds:.3g} ms" if milliseconds < 999.5 else f"{milliseconds / 1000:.3g} s"


def listed(names: Sequence[str], *, none: str = "none") -> str:
    """Return the first twenty names and how many more there are: `a, b`; what to say where there is none."""
    more = f" and {len(names) - MAX_LISTED:,} more" if len(names) > MAX_LISTED else ""
    return f"{', '.join(names[:MAX_LISTED])}{more}" or none


def fitted(text: str, columns: int) -> str:
    """Return lines as a terminal of so many columns shows them best: broken between words, and going on indented.

    A line with a command stays as it is: the terminal breaks it, and it is pasted whole.
    """
    from textwrap import wrap  # only a terminal pays for it

    lines: list[str] = []
    for line in text.split("\n"):
        if len(line) <= columns or line.lstrip().startswith(_PASTED):
            lines.append(line)
        else:
            words = line.lstrip()
            indent = " " * (8 if words.startswith(_SIGNS) else len(line) - len(words) + 2)
            lines += wrap(line, columns, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines)


_PASTED = ("Next: ", "Try again: ", "To go back: ", "You are on ")
_SIGNS = ("ok      ", "warning ", "error   ", "unknown ", "refused ")


def shortened(words: str, limit: int) -> str:
    """Return a text of at most `limit` characters, cut between two words and with an ellipsis where it is cut.

    Where it is too long, its digests are the first to become short.
    """
    if len(words) > limit:
        words = _DIGEST.sub(lambda found: short_digest(found[0]), words)
    if len(words) <= limit:
        return words
    kept = words[: limit - 1]
    before = kept.rpartition(" ")[0]
    # A text that is one long word is cut inside of it.
    return f"{before if len(before) > limit // 2 else kept}…"


def quoted(words: str) -> str:
    """Return somebody's own words so that they cannot pass for what stands around them.

    They stand in backticks, have none themselves, and are one short line whose every character is seen.
    """
    shown = visible(words).replace("`", "'")
    return f"`{shortened(shown, MAX_QUOTED)}`"


def headline(words: str, limit: int) -> str:
    """Return the beginning of a message for a heading: its whole sentences that fit, or the first one `shortened`."""
    first, *others = re.split(r"(?<=\.) (?=[A-Z])", _DIGEST.sub(lambda found: short_digest(found[0]), words))
    kept = shortened(first, limit)
    for sentence in others:
        if len(kept) + len(sentence) >= limit:
            break
        kept = f"{kept} {sentence}"
    return kept.removesuffix(".")


def utf8_size(sections: Sequence[str]) -> int:
    """Return the size in bytes of the sections, joined by blank lines."""
    return len("\n\n".join(sections).encode())


def duration(span: timedelta) -> str:
    """Return a time span in its two largest units: `9 d`, `1 d 4 h`, `35 min`; seconds are dropped."""
    minutes = int(span.total_seconds()) // 60
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{rest} min"


def short_number(number: Decimal) -> str:
    """Return a number that was computed, in six digits, which is what a person compares."""
    return f"{float(number):.6g}"


def short_difference(number: Decimal) -> str:
    """Return a difference that was computed, with its sign."""
    return f"{'+' if number > 0 else ''}{short_number(number)}"


def held_now(digest: str | None) -> str:
    """Return how files differ from what was recorded: by the digest that they have, or in words where none is known."""
    if digest:
        return f"the directory now holds {short_digest(digest)}"
    return "the files no longer match the recorded digest"


def short_digest(digest: str | None) -> str:
    """Return a digest as people compare it: its first eight hex digits, or "unknown bytes" for None."""
    # 15 characters: "sha256:" and eight digits.
    return f"{digest[:15]}…" if digest else "unknown bytes"


def log_safe(line: str) -> str:
    """Return a log line that no runner takes for a workflow command.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    return re.sub(r":(?=:)|#(?=#\[)", "\\g<0>\u200b", line.replace("\r", " "))
