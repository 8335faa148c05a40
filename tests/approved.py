"""Approved texts: everything the program answers, word for word, in files whose diff a person can review."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from promotebot.errors import PromotebotError
from promotebot.findings import Finding

SAID = Path(__file__).parent / "said"
WIDTH = 120
"""Characters in a line of an approved text: as wide as the code, so that a diff of it fits beside the code's."""
FOLD = "⤷"
"""Starts what belongs to the line above: without the break and this sign the line is whole again."""


def approve(name: str, cases: Iterable[tuple[str, Iterable[str]]]) -> None:
    """Compare (case, lines of its answer) with `said/<name>.txt`; digests are numbered as they come up.

    With APPROVE=1 in the environment the file is written instead; then `git diff` shows which answers changed.
    """
    answers = "\n".join("\n".join([f"## {case}".rstrip(), *lines, ""]) for case, lines in cases)
    seen: dict[str, str] = {}
    text = re.sub(r"sha256:[0-9a-f]{64}", lambda digest: seen.setdefault(digest[0], f"sha256:#{len(seen)}"), answers)
    # Folding comes last: before it, a digest is longer than its number and could be broken in two.
    text = "\n".join(part for line in text.split("\n") for part in fold(line))
    path = SAID / f"{name}.txt"
    if os.environ.get("APPROVE") == "1":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def fold(line: str) -> list[str]:
    """Return the line in pieces of at most WIDTH characters, broken before spaces where it has any."""
    indent = " " * (min(len(line) - len(line.lstrip(" ")), 40) + 4)
    pieces = []
    while len(line) > WIDTH:
        space = line.rfind(" ", len(indent) + 2, WIDTH + 1)
        end = space if space > 0 else WIDTH
        pieces.append(line[:end])
        line = f"{indent}{FOLD}{line[end:]}"
    return [*pieces, line]


def unfold(text: str) -> str:
    """Return the text as it was before its lines were folded."""
    return re.sub(rf"\n *{FOLD}", "", text)


def finding_text(finding: Finding) -> str:
    """Return a finding in one line where it fits, else with one field a line."""
    head = f"{finding.severity.value} | {finding.rule}"
    line = f"{head} | {finding.message} | {finding.where} | {finding.remedy}".rstrip(" |")
    if len(line) <= WIDTH:
        return line
    values = {"message": finding.message, "where": finding.where, "remedy": finding.remedy}
    return "\n".join([head, *(f"    {name}: {value}" for name, value in values.items() if value)])


def refusal_text(problem: PromotebotError) -> str:
    """Return an error's place, message and remedy, the remedy in a line of its own where one is too short."""
    line = f"✗ {problem.where}: {problem.message}"
    if not problem.remedy:
        return line
    whole = f"{line} | {problem.remedy}"
    return whole if len(whole) <= WIDTH else f"{line}\n  | {problem.remedy}"


def set_values(record: Any) -> str:
    """Return the fields of a record that hold something, in one line where they fit, else one a line."""
    values = {field.name: getattr(record, field.name) for field in fields(record) if field.repr}
    present = {name: value for name, value in values.items() if value not in (None, "", False)}
    line = ", ".join(f"{name}={value!s}" for name, value in present.items())
    if len(line) <= WIDTH:
        return line
    items: list[str] = []
    for name, value in present.items():
        if isinstance(value, Mapping) and value:
            items += [f"{name}[{key}]={item!s}" for key, item in value.items()]
        else:
            items.append(f"{name}={value!s}")
    return "\n".join(f"    {item}" for item in items)


def json_text(value: Any, *, indent: int = 0, used: int = 0) -> str:
    """Return JSON in one line where it fits, else one item a line, indented: a changed value is one line of a diff.

    Args:
        indent: spaces before the closing bracket.
        used: characters that stand before the value in its first line.
    """
    line = json.dumps(value)
    if len(line) + max(used, indent) < WIDTH or not isinstance(value, (dict, list)):
        return line
    inner = " " * (indent + 2)
    if isinstance(value, dict):
        names = {f"{inner}{json.dumps(key)}: ": item for key, item in value.items()}
        items = [name + json_text(item, indent=indent + 2, used=len(name)) for name, item in names.items()]
        return "\n".join(["{", ",\n".join(items), " " * indent + "}"])
    items = [inner + json_text(item, indent=indent + 2) for item in value]
    return "\n".join(["[", ",\n".join(items), " " * indent + "]"])
