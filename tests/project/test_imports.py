"""The modules of the package can be read one after the other: no two import each other, not even inside functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "bot"
MODULES = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in (SOURCE / "promotebot").rglob("*.py")
}


def imported(path: Path) -> Iterator[str]:
    """Yield the package's modules that a module imports; of `from package import module` the module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in MODULES else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {name: set(imported(path)) & set(MODULES) for name, path in MODULES.items()}
    assert graph["promotebot.registry.store"] > {"promotebot.registry.registry"}
    order = list(TopologicalSorter(graph).static_order())  # raises CycleError with the circle
    assert sorted(order) == sorted(MODULES)
