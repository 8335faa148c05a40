"""The rule ids that the code gives to its findings, read from its syntax; what cannot be read is an error."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

MAKERS = frozenset({"passed", "warning", "error", "unknown"})
RECORDS = frozenset({"Finding", "ModelFinding"})
_FINDINGS = "promotebot.findings"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Unresolved(AssertionError):
    """A finding is made with a rule that this reader does not understand: teach it, or write the id as a literal."""


def rule_ids(package: Path, families: Mapping[str, tuple[str, ...]]) -> dict[str, set[str]]:
    """Rule id → the files that give it.

    Args:
        families: what an expression stands for that is no literal, by `folder/file.py: expression`.

    Raises:
        Unresolved: naming file, line and expression; also for a family that nothing uses.
    """
    rules: dict[str, set[str]] = {}
    used: set[str] = set()
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        if name == "findings.py":
            continue  # it defines the makers
        module = _Module(name, ast.parse(path.read_text(encoding="utf-8")), families, used)
        for rule in module.rules():
            rules.setdefault(rule, set()).add(name)
    if set(families) - used:
        raise Unresolved(f"nothing is made with {sorted(set(families) - used)}")
    return rules


@dataclass
class _Module:
    name: str
    tree: ast.Module
    families: Mapping[str, tuple[str, ...]]
    used: set[str]
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def rules(self) -> Iterator[str]:
        makers = self._makers()
        forwarders = self._forwarders()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                for argument in self._rule_arguments(node, makers, forwarders):
                    yield from self._values(argument, node)
            elif isinstance(node, ast.Name) and node.id in makers and isinstance(node.ctx, ast.Load):
                self._check_use(node, makers)

    def _makers(self) -> set[str]:
        """Names that make a finding: what is imported, and local names for one of them."""
        names: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import) and any(alias.name == _FINDINGS for alias in node.names):
                raise Unresolved(f"{self.name}:{node.lineno}: import the makers by name: from {_FINDINGS} import error")
            if isinstance(node, ast.ImportFrom) and node.module == "promotebot":
                if any(alias.name == "findings" for alias in node.names):
                    raise Unresolved(f"{self.name}:{node.lineno}: import the makers by name")
            elif isinstance(node, ast.ImportFrom) and node.module == _FINDINGS:
                names |= {alias.asname or alias.name for alias in node.names if alias.name in MAKERS}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Assign) and self._is_maker(node.value, names):
                names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        return names

    def _is_maker(self, value: ast.expr, names: set[str]) -> bool:
        if isinstance(value, ast.IfExp):
            return self._is_maker(value.body, names) and self._is_maker(value.orelse, names)
        return isinstance(value, ast.Name) and value.id in names

    def _check_use(self, node: ast.Name, makers: set[str]) -> None:
        """A maker is called, or given a local name; handed on as a value, it could be called with anything."""
        above = self.parents[node]
        if isinstance(above, ast.IfExp) and above.test is not node:
            above = self.parents[above]
        called = isinstance(above, ast.Call) and above.func is node
        if not called and not (isinstance(above, ast.Assign) and self._is_maker(above.value, makers)):
            raise Unresolved(f"{self.name}:{node.lineno}: {node.id} is handed on: {ast.unparse(above)}")

    def _forwarders(self) -> dict[str, int]:
        """Functions of this module with a parameter `rule`, and its place among the arguments of a call."""
        positions: dict[str, int] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, _FUNCTIONS):
                names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
                if "rule" in names:
                    positions[node.name] = names.index("rule") - (names[0] == "self")
        return positions

    def _rule_arguments(self, call: ast.Call, makers: set[str], forwarders: dict[str, int]) -> Iterator[ast.expr]:
        named = [keyword.value for keyword in call.keywords if keyword.arg == "rule"]
        if isinstance(call.func, ast.Name) and call.func.id in makers:
            yield self._argument(call, named, 0)
            return
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name in forwarders:
            yield self._argument(call, named, forwarders[name])
        elif name in RECORDS:
            spread = [keyword.value for keyword in call.keywords if keyword.arg is None]
            if not named and not (spread and ast.unparse(spread[0]).endswith(".model_dump()")):
                raise Unresolved(f"{self.name}:{call.lineno}: {ast.unparse(call)} names no rule=")
            yield from named

    def _argument(self, call: ast.Call, named: list[ast.expr], place: int) -> ast.expr:
        if named:
            return named[0]
        if len(call.args) <= place or any(isinstance(argument, ast.Starred) for argument in call.args[: place + 1]):
            raise Unresolved(f"{self.name}:{call.lineno}: no rule in {ast.unparse(call)}")
        return call.args[place]

    def _values(self, node: ast.expr, call: ast.AST) -> Iterator[str]:
        """Every id that an expression can be, as the places that assign it say."""
        family = f"{self.name}: {ast.unparse(node)}"
        if family in self.families:
            self.used.add(family)
            yield from self.families[family]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.Name):
            yield from self._named(node, call)
        elif isinstance(node, ast.JoinedStr):
            yield from self._joined(node, call)
        else:
            raise self._unresolved(node)

    def _joined(self, node: ast.JoinedStr, call: ast.AST) -> Iterator[str]:
        texts = [""]
        for part in node.values:
            inner = part.value if isinstance(part, ast.FormattedValue) else part
            if isinstance(part, ast.FormattedValue) and not isinstance(inner, ast.Name):
                raise self._unresolved(node)
            texts = [text + value for text in texts for value in self._values(inner, call)]
        yield from texts

    def _named(self, node: ast.Name, call: ast.AST) -> Iterator[str]:
        """A name: a parameter `rule` (its callers say it), a loop over literals, or an assignment."""
        scope: ast.AST | None = call
        while scope is not None:
            if isinstance(scope, (ast.For, ast.comprehension)) and (values := _looped(scope, node.id)):
                yield from values
                return
            if isinstance(scope, (*_FUNCTIONS, ast.Module)):
                if isinstance(scope, _FUNCTIONS) and node.id == "rule" and scope.name in self._forwarders():
                    return
                given = [value for statement in ast.walk(scope) for value in _assigned(statement, node.id)]
                for value in given:
                    yield from self._values(value, call)
                if given:
                    return
            scope = self.parents.get(scope)
        raise self._unresolved(node)

    def _unresolved(self, node: ast.expr) -> Unresolved:
        return Unresolved(f"{self.name}:{node.lineno}: which rules are {ast.unparse(node)}?")


def _looped(loop: ast.For | ast.comprehension, name: str) -> list[str]:
    """The literals that a name takes in `for name, … in ((literal, …), …)`."""
    targets = loop.target.elts if isinstance(loop.target, ast.Tuple) else [loop.target]
    places = [place for place, target in enumerate(targets) if isinstance(target, ast.Name) and target.id == name]
    if not places or not isinstance(loop.iter, (ast.Tuple, ast.List)):
        return []
    rows = [row.elts if isinstance(row, ast.Tuple) else [row] for row in loop.iter.elts]
    cells = [row[places[0]] for row in rows]
    values = [cell.value for cell in cells if isinstance(cell, ast.Constant) and isinstance(cell.value, str)]
    return values if len(values) == len(cells) else []


def _assigned(statement: ast.AST, name: str) -> Iterator[ast.expr]:
    """What a statement gives a name, alone or as a part of a tuple."""
    if not isinstance(statement, ast.Assign):
        return
    for target in statement.targets:
        if isinstance(target, ast.Name) and target.id == name:
            yield statement.value
        elif isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
            pairs = zip(target.elts, statement.value.elts, strict=True)
            yield from (value for part, value in pairs if isinstance(part, ast.Name) and part.id == name)
