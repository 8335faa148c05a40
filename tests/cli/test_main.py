"""The table of commands: each has its module, and only the one that is chosen is loaded."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module

import pytest

from promotebot.cli.main import COMMANDS, main

HEAVY = {"git", "github", "onnx", "onnxruntime", "pydantic", "requests", "rich"}
MODULES = {f"promotebot.cli.{command.module}" for command in COMMANDS.values()}


def loaded_by(arguments: Sequence[str]) -> set[str]:
    """Return the modules that a fresh interpreter has after it ran the command line, which has to end with 0."""
    code = (
        "import sys\nfrom promotebot.cli.main import main\n"
        f"try:\n    code = main({list(arguments)!r})\nexcept SystemExit as ended:\n    code = ended.code\n"
        "assert not code, code\nprint('\\n' + ' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_options_and_its_run(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    module = import_module(f"promotebot.cli.{COMMANDS[name].module}")
    assert list(inspect.signature(module.add_arguments).parameters) == ["parser"]
    assert [word.strip("_") for word in inspect.signature(module.run).parameters] == ["options", "now"]
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: promotebot {name} ")


def test_the_list_of_commands_names_each_and_loads_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert loaded_by(["--help"]) & (HEAVY | MODULES) == set()
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = capsys.readouterr().out
    assert [
        name for name, command in COMMANDS.items() if f"    {name} " not in listed or command.help not in listed
    ] == []


def test_a_command_loads_its_own_module_and_no_other() -> None:
    assert loaded_by(["show", "--help"]) & (MODULES | {"git"}) == {"promotebot.cli.show"}


@pytest.mark.parametrize("arguments", [["-x", "verify"], ["--", "verify"], ["-", "verify"], ["", "verify"]])
def test_a_word_before_the_command_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "Next: promotebot" in capsys.readouterr().err
