"""Functions and modules stay small enough to be read at one go; what is larger stands in a table with its reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parents[2]
MEASURED = sorted(path for folder in ("bot", "tests/fake_github") for path in (ROOT / folder).rglob("*.py"))
FUNCTION_LINES, FUNCTION_PARAMETERS, MODULE_LINES = 40, 7, 320

# One that is not needed any more fails the test, too. ruff counts parameters (PLR0913) and branches (C901) as well.
EXCEPTIONS: Mapping[str, str] = {
    "bot/promotebot/artifact/loading.py:load": "all that a service may ask for, by name: each is one more refusal",
    "bot/promotebot/artifact/loading.py:fetch": "the same as load, and where it is copied to",
    "bot/promotebot/promotion/plan.py:plan": "everything that a decision is made from, by name: nothing is looked up",
}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path, root: Path = ROOT) -> Iterator[tuple[str, Function]]:
    """Yield every function as `path:Class.function`, also those inside of others."""

    def walk(node: ast.AST, names: tuple[str, ...]) -> Iterator[tuple[str, Function]]:
        for child in ast.iter_child_nodes(node):
            inside = (*names, child.name) if isinstance(child, Function | ast.ClassDef) else names
            if isinstance(child, Function):
                yield f"{path.relative_to(root)}:{'.'.join(inside)}", child
            yield from walk(child, inside)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), ())


def lines(function: Function) -> int:
    """Count from the first decorator to the end."""
    first = min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])
    return (function.end_lineno or first) - first + 1


def parameters(function: Function) -> int:
    """Count what a caller hands over; a method's own object is none of it."""
    every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return sum(parameter.arg not in ("self", "cls") for parameter in every)


def over_the_limits() -> dict[str, str]:
    """Return what is over a limit, with its measure."""
    over = {}
    for path in MEASURED:
        length = len(path.read_text(encoding="utf-8").splitlines())
        if length > MODULE_LINES:
            over[str(path.relative_to(ROOT))] = f"{length} lines"
        for name, function in functions(path):
            if lines(function) > FUNCTION_LINES or parameters(function) > FUNCTION_PARAMETERS:
                over[name] = f"{lines(function)} lines, {parameters(function)} parameters"
    return over


def test_nothing_is_over_the_limits_but_what_the_table_names() -> None:
    assert len(MEASURED) > 100
    over = over_the_limits()
    assert {name: measure for name, measure in over.items() if name not in EXCEPTIONS} == {}
    assert EXCEPTIONS.keys() - over.keys() == set(), "not needed any more"


def test_a_function_is_measured_with_its_decorators_and_named_with_its_class(tmp_path: Path) -> None:
    path = tmp_path / "sample.py"
    source = """
        class C:
            @property
            def f(self, a, /, b, *, c) -> int:
                def g() -> int:
                    return 1
                return g()
    """
    path.write_text(dedent(source))
    measured = {name: (lines(function), parameters(function)) for name, function in functions(path, tmp_path)}
    assert measured == {"sample.py:C.f": (5, 3), "sample.py:C.f.g": (2, 0)}
