"""Findings as a reviewer reads them: problems first, each with its next command, then every rule."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from promotebot.comments.markdown import code, details, fence, table, text
from promotebot.findings import Finding, Severity, clean_rules, said_once, warnings_in
from promotebot.promotion.causes import Cause, by_cause
from promotebot.remedies import CallerLine, Command, Remedy
from promotebot.text import counted, visible

SIGNS = {Severity.PASS: "✅", Severity.WARNING: "⚠️", Severity.ERROR: "❌", Severity.UNKNOWN: "❔"}
MAX_MESSAGE = 600
"""Characters of a message in a comment; the step summary has all of it."""
MAX_REMEDY = 2000
"""Characters of a remedy: more than of a message, as half a command is worth nothing."""
# Messages are written for terminal and comment alike. In a comment, what people compare or copy (flags, digests,
# commits, paths, file names) is shown as code; whatever the expression misses stays readable as prose.
_WORDS_THAT_ARE_CODE = re.compile(
    r"`[^`]+`"
    r"|(?<![\w/.:'-])(?:--[a-z][a-z-]*|sha256:[0-9a-f]{64}|[0-9a-f]{40}(?!\w)"
    r"|(?:[\w.-]+/){2,}[\w.-]*\w|(?:[\w.-]+/)?[\w-]+\.(?:json|md|onnx|pb|yml))"
)
# A remedy is prose with commands in it. A command starts at the beginning or after one of these words.
_COMMAND = re.compile(
    r"(?:^|(?<=[(])|(?<=: )|(?<=, )|(?<=; )|(?<=then )|(?<=or )|(?<=run )|(?<=comment ))"
    r"(?:/(?:promote|rollback|demote|withdraw|reject|unhold|hold|help)\b|promotebot (?=[a-z])|git (?=[a-z])|ls -|rmdir "
    r"|export (?=[A-Z_]+=))"
)
# A command ends where prose goes on: at a comma or semicolon before a space, at " shows ", or at the full stop.
_PROSE_AGAIN = re.compile(r", |; | shows |\.$")


def count_line(findings: Sequence[Finding]) -> str:
    """Return how many rules passed, in bold: `**17 rules passed, 1 warning.**`"""
    warned = len(warnings_in(findings))
    rules = counted(len(clean_rules(findings)), "rule")
    return f"**{rules} passed, {counted(warned, 'warning') if warned else 'no warnings'}.**"


def problems(findings: Sequence[Finding], *, limit: int | None) -> str:
    """Return errors, unknowns and warnings as a list (`limit` of each), then the number of other rules that passed.

    What follows from another finding is folded below it; what two looks found in the same words is said once.
    """
    causes = by_cause(said_once(findings))
    kinds = ([one for one in causes if one.finding.severity is kind] for kind in _ORDER)
    lines = [line for kind in kinds for line in _with_consequences(kind, limit=limit)]
    others = len(clean_rules(findings))
    tail = [f"{counted(others, 'other rule')} passed."] if others else []
    return "\n\n".join(["\n".join(lines), *tail])


_ORDER = (Severity.ERROR, Severity.UNKNOWN, Severity.WARNING)


def _with_consequences(causes: Sequence[Cause], *, limit: int | None) -> list[str]:
    shown = bullets([cause.finding for cause in causes], limit=limit, told=_told_below(causes[:limit]))
    for index, cause in enumerate(causes[:limit]):
        if cause.follows:
            rules = ", ".join(dict.fromkeys(finding.rule for finding in cause.follows))
            listed = "\n".join(bullets(cause.follows, limit=limit))
            folded = details(f"Follows from {cause.finding.rule}: {rules}", listed)
            shown[index] += "\n\n" + "\n".join(f"  {line}" if line else "" for line in folded.split("\n")) + "\n"
    return shown


def _told_below(causes: Sequence[Cause]) -> Mapping[int, int]:
    """Return, by its place, for how many findings in a row a next step stands: 0 where the same one stands below.

    A warning has its own in its line, and what something follows from has its own above that.
    """
    told = dict.fromkeys(range(len(causes)), 1)
    for at, pair in enumerate(pairwise(causes)):
        one, below = (cause.finding.remedy for cause in pair)
        if one and one == below and not any(c.follows or c.finding.severity is Severity.WARNING for c in pair):
            told[at + 1], told[at] = told[at] + 1, 0
    return told


def waits(waiting: Sequence[Finding]) -> str:
    """Return a line for each thing that is still to be done before the check turns green; empty for none."""
    return "\n\n".join(f"⏳ The check {text(one.message)}: {inline(one.remedy)}." for one in waiting)


def bullets(findings: Sequence[Finding], *, limit: int | None, told: Mapping[int, int] | None = None) -> list[str]:
    """Return one list item for each finding, and one that counts those beyond `limit`.

    Args:
        told: place of a finding → for how many in a row its next step stands; without it each tells its own.
    """
    shown, told, whole = findings[:limit], told or {}, limit is None
    more = len(findings) - len(shown)
    items = [bullet(finding, whole=whole, steps_for=told.get(at, 1)) for at, finding in enumerate(shown)]
    return items + ([f"- … and {more} more"] if more else [])


def bullet(finding: Finding, *, whole: bool, steps_for: int = 1) -> str:
    """Return `- ❌ **rule** in where: message` and the next step: below an error, behind a warning."""
    message = finding.message if whole else _cut(finding.message, MAX_MESSAGE)
    remedy = finding.remedy if whole else _cut(finding.remedy, MAX_REMEDY)
    begins = "Next" if steps_for == 1 else f"Next, for {'both' if steps_for == 2 else f'all {steps_for}'}"
    if not steps_for:
        remedy = ""
    # Many messages name their place themselves.
    where = f" in {code(finding.where)}" if finding.where and finding.where not in finding.message else ""
    item = f"- {SIGNS[finding.severity]} **{code(finding.rule)}**{where}: {prose(message)}"
    if finding.severity is not Severity.WARNING or not remedy:
        return item + next_step(remedy, begins)
    return f"{item} Next: {inline(remedy)}"


def next_step(remedy: str, begins: str = "Next") -> str:
    """Return a remedy as lines below its finding; a command at its end gets a block of its own, to copy."""
    if not remedy:
        return ""
    if remedy.startswith("did you mean "):
        return f"\n  {inline('D' + remedy[1:])}"
    listed = _listed(Remedy.of(remedy).parts, begins)
    if listed:
        return listed
    # "Comment one of: `a` or `b`": each choice in a line of its own.
    choices = re.fullmatch(r"([^`]*?):? ?((?:`[^`]+` or )+`[^`]+`)", remedy)
    if choices:
        commands = "".join(f"\n  - {code(command)}" for command in re.findall(r"`([^`]+)`", choices[2]))
        return f"\n  {begins}: {text(choices[1])}:{commands}"
    parts = _parts(remedy)
    last, is_command = parts[-1]
    # Of several commands a block would single out the last one, which may be the wrong one to copy first.
    if is_command and sum(command for _, command in parts) == 1:
        before = "".join(prose(words) for words, _ in parts[:-1]).rstrip()
        block = fence(visible(last), "text").replace("\n", "\n  ")
        return f"\n  {begins}: {before}\n  {block}" if before else f"\n  {begins}:\n  {block}"
    return f"\n  {begins}: {inline(remedy)}"


def _listed(parts: Sequence[str | Command | CallerLine], begins: str) -> str:
    """Return lines to choose from, one below the other; empty where there is no choice."""
    lines = [part for part in parts if isinstance(part, Command)]
    words = [part for part in parts if isinstance(part, str)]
    if len(lines) < 2 or parts[0] != words[0] or set(words[1:]) != {" or "}:
        return ""
    return f"\n  {begins}: {text(words[0].strip().rstrip(':'))}:" + "".join(
        f"\n  - {code(str(line))}" for line in lines
    )


def inline(remedy: str) -> str:
    """Return a remedy in one line, its commands as code."""
    return "".join(code(words) if command else prose(words) for words, command in _parts(remedy))


def prose(message: str) -> str:
    """Return a message as Markdown; paths, flags, commits and digests as code, digests cut to what people compare."""
    parts, end = [], 0
    for match in _WORDS_THAT_ARE_CODE.finditer(message):
        parts += [text(message[end : match.start()]), code(_short(match[0].strip("`")))]
        end = match.end()
    return "".join([*parts, text(message[end:])])


def every_rule(findings: Iterable[Finding], *, budget: int | None) -> str:
    """Return a table of one row for each finding, in the order of evaluation, until `budget` bytes are used."""
    rows = [(SIGNS[f.severity], code(f.rule), text(f.message), code(f.where) if f.where else "") for f in findings]
    kept = within(["".join(row) for row in rows], budget)
    shown = table(("", "rule", "what was found", "where"), rows[:kept])
    return shown if kept == len(rows) else f"{shown}\n\n… and {len(rows) - kept} more."


def within(lines: Sequence[str], budget: int | None) -> int:
    """Return how many of the first lines fit into `budget` UTF-8 bytes; None is without bound."""
    used = 0
    for index, line in enumerate(lines):
        # 16: the line feed, and the pipes and spaces of a table row.
        used += len(line.encode("utf-8", "replace")) + 16
        if budget is not None and used > budget:
            return index
    return len(lines)


def _parts(remedy: str) -> list[tuple[str, bool]]:
    """Cut a remedy into (words, whether they are a command)."""
    known = Remedy.of(remedy)
    if known.commands:
        return [(str(part), isinstance(part, Command)) for part in known.parts]
    parts: list[tuple[str, bool]] = []
    for index, piece in enumerate(remedy.split("`")):
        # The odd pieces were between backticks.
        if index % 2:
            parts.append((piece, True))
            continue
        end = 0
        for match in _COMMAND.finditer(piece):
            # A word like a command inside a command, such as the argument of an option.
            if match.start() < end:
                continue
            start, stop = match.start(), _command_end(piece, match.start())
            parts += [(piece[end:start], False), (piece[start:stop], True)]
            end = stop
        parts.append((piece[end:], False))
    return [part for part in parts if part[0]] or [(remedy, False)]


def _command_end(words: str, start: int) -> int:
    """Return the index at which a command turns back into prose; text in quotes belongs to the command."""
    quote, closing = "", start > 0 and words[start - 1] == "("
    for index in range(start, len(words)):
        character = words[index]
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif (closing and character == ")") or _PROSE_AGAIN.match(words, index):
            return index
    return len(words)


def _short(word: str) -> str:
    return f"{word[:19]}…" if word.startswith("sha256:") and len(word) > 20 else word


def _cut(words: str, length: int) -> str:
    return words if len(words) <= length else words[:length] + "…"
