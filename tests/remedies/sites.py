"""The places in the source that make a line to paste: found by reading it, and recorded when they are reached."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from promotebot import remedies
from promotebot.remedies import CallerLine, Command, Remedy
from tests.office import ROOT

PACKAGE = ROOT / "bot/promotebot"
MAKERS = ("shell", "comment", "again", "did_you_mean")
NOT_MADE = {"cli/again.py:line", "cli/again.py:here", "promotion/request.py:line"}
"""These write again what a person wrote."""
Made = Command | CallerLine | Remedy


def sites() -> set[str]:
    """Return `file:function` of all that gives a command, or says what has to change in one."""
    found = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name != "remedies.py":
            place = str(path.relative_to(PACKAGE))
            found |= {f"{place}:{name}" for name in _makers(ast.parse(path.read_text(encoding="utf-8")), "")}
    return found - NOT_MADE


def _makers(node: ast.AST, scope: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        inner = child.name if isinstance(child, ast.FunctionDef) else scope
        if isinstance(child, ast.Call) and isinstance(child.func, ast.Name):
            changes = [word.value for word in child.keywords if word.arg == "changes"]
            known = changes and not (isinstance(changes[0], ast.Dict) and _is_missing(changes[0]))
            if child.func.id in MAKERS or (child.func.id == "Remedy" and known):
                yield scope
        yield from _makers(child, inner)


def _is_missing(changes: ast.Dict) -> bool:
    """Return whether a value is one that only the person knows: then no line is given."""
    return any(isinstance(value, ast.Constant) and value.value is None for value in changes.values)


def _is_ours(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    return file != remedies.__file__ and Path(file).is_relative_to(PACKAGE)


def words_of_lines() -> Iterator[tuple[str, str]]:
    """Yield (file, word) of every word that the source itself puts into a line to paste."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _name(node.func) in (*MAKERS, "then"):
                for part in ast.walk(node):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield str(path.relative_to(PACKAGE)), part.value


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


_COMMAND = re.compile(
    r"\bpromotebot (?:promote|rollback|demote|history|show|status|verify|gate|fetch|bundle|manifest|init|doctor)\b"
    r"|\bpromotebot (?:schemas|registry)\b"
    r"|\bgit (?:add|checkout|clean|commit|config|fetch|lfs|log|merge|push|remote|reset|rev-parse|rm|status|switch)\b"
    r"|\brm -|(?<![\w/.*])/(?:promote|rollback|demote|withdraw|verify|why|status|doctor|help|hold|unhold)\b"
)


def commands_in_words() -> set[tuple[str, str]]:
    """Return (file:function, text) of each text of the source with a command in it that is no line to paste."""
    found = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found |= {
            (f"{path.relative_to(PACKAGE)}:{name}", text) for name, text in _texts(tree, "") if _COMMAND.search(text)
        }
    return found


def _texts(node: ast.AST, scope: str) -> Iterator[tuple[str, str]]:
    """Yield the texts that people may read: no docstring, help of an option, or word of a line to paste."""
    for child in ast.iter_child_nodes(node):
        inner = child.name if isinstance(child, ast.FunctionDef) else scope
        is_docstring = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
        if is_docstring or (isinstance(child, ast.Call) and _name(child.func) in (*MAKERS, "then", "add_argument")):
            continue
        if isinstance(child, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "…" for part in child.values]
            yield inner, "".join(map(str, parts))
        elif isinstance(child, ast.Constant) and isinstance(child.value, str) and not isinstance(node, ast.JoinedStr):
            yield inner, child.value
        yield from _texts(child, inner)


class Recorder:
    """What was made where, from now on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: dict[str, list[Made]] = {}
        self.remedies: list[Remedy] = []
        for kind in (Command, CallerLine):
            self._watch(monkeypatch, kind)

        def made(one: Remedy, *_parts: Any, **named: Any) -> None:
            self.remedies.append(one)
            if named.get("changes"):
                self._note(one, sys._getframe(1))

        monkeypatch.setattr(Remedy, "__init__", made, raising=False)

    def _watch(self, monkeypatch: pytest.MonkeyPatch, kind: Any) -> None:
        make = kind.__init__

        def watched(one: Any, *values: Any, **named: Any) -> None:
            make(one, *values, **named)
            self._note(one, sys._getframe(1))

        monkeypatch.setattr(kind, "__init__", watched)

    def _note(self, one: Made, frame: FrameType | None) -> None:
        while frame and (not _is_ours(frame) or frame.f_code.co_name.startswith("<")):
            frame = frame.f_back
        if frame:
            place = Path(frame.f_code.co_filename).relative_to(PACKAGE)
            self.made.setdefault(f"{place}:{frame.f_code.co_name}", []).append(one)

    def lines(self, site: str, output: str) -> list[str]:
        """Return the lines that a place gave and that the output shows, in their order."""
        made = [*self.made.get(site, []), *(command for one in _constants(site) for command in one.commands)]
        whole = [str(one) for one in made if isinstance(one, Command)]
        if any(not isinstance(one, Command) for one in made):
            whole += [str(one) for one in self.made.get("cli/again.py:line", []) if isinstance(one, Command)]
        shown = {line for line in whole if line in output}
        # The first step of a line is made before the whole of it.
        return sorted((line for line in shown if not any(line in one for one in shown - {line})), key=output.index)

    def remedy(self, site: str, output: str) -> list[str]:
        """Return all lines, in their order, of the first remedy that has one of a place's and that the output shows."""
        constants = _constants(site)
        made = [*self.made.get(site, []), *(command for one in constants for command in one.commands)]
        own = {str(one) for one in made if isinstance(one, Command)}
        # What the person wrote stands in another remedy with the same words than the one that asks for it.
        words = [_words(one) for one in self.remedies if any(part is thing for part in one.parts for thing in made)]
        plain = output.replace("`", "")
        for remedy in (*self.remedies, *constants):
            lines = [str(command) for command in remedy.commands]
            is_of_it = not own.isdisjoint(lines) or _words(remedy) in words
            is_whole = not any(isinstance(part, CallerLine) for part in remedy.parts)
            if lines and is_of_it and is_whole and all(part.strip() in plain for part in [*lines, *_words(remedy)]):
                return lines
        return []


def _words(remedy: Remedy) -> list[str]:
    return [part for part in remedy.parts if isinstance(part, str)]


def _constants(site: str) -> list[Remedy]:
    """Return the remedies that are constants of a module, where the place is the module itself."""
    file, _, function = site.partition(":")
    if function:
        return []
    module = import_module(f"promotebot.{file.removesuffix('.py').replace('/', '.')}")
    values = [Remedy(value) if isinstance(value, Command) else value for value in vars(module).values()]
    return [value for value in values if isinstance(value, Remedy)]
