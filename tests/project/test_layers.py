"""The import contracts cover the package as it is: a new folder or command has to be placed."""

from __future__ import annotations

import re
from pathlib import Path

from promotebot.cli.parser import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("[[tool.importlinter.contracts]]")[1:]


def of_type(kind: str) -> list[str]:
    return [contract for contract in CONTRACTS if f'type = "{kind}"' in contract]


def test_every_folder_says_who_may_import_it() -> None:
    folders = {path.parent.name for path in (ROOT / "bot/promotebot").glob("*/__init__.py")}
    protected = re.findall(r'^protected_modules = \["promotebot\.(\w+)"\]', "".join(of_type("protected")), re.MULTILINE)
    assert sorted(protected) == sorted(folders)


def test_every_folder_has_its_layer_and_none_holds_a_circle() -> None:
    (layers,) = of_type("layers")
    assert "\nexhaustive = true\n" in layers
    (circles,) = of_type("acyclic_siblings")
    assert '\nancestors = ["promotebot"]\n' in circles


def test_every_command_is_independent_of_the_others() -> None:
    (independence,) = of_type("independence")
    modules = set(re.findall(r'"promotebot\.cli\.(\w+)"', independence))
    assert modules == {command.module for command in COMMANDS.values()}
