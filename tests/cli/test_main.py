"""The table of commands: each has its module, and only the one that is chosen is loaded."""

from __future__ import annotations

import inspect
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest

from promotebot.cli.main import main
from promotebot.cli.parser import COMMANDS, options_of

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
        name for name, command in COMMANDS.items() if f"\n    {name}" not in listed or command.help not in listed
    ] == []


def test_a_command_loads_its_own_module_and_no_other() -> None:
    assert loaded_by(["show", "--help"]) & (MODULES | {"git"}) == {"promotebot.cli.show"}


@pytest.mark.parametrize("arguments", [["-x", "verify"], ["--", "verify"], ["-", "verify"], ["", "verify"]])
def test_a_word_before_the_command_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "Next: promotebot" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_an_example_that_is_a_valid_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([name, "--help"])
    example = capsys.readouterr().out.partition("\nexample:\n  promotebot ")[2].strip()
    assert shlex.split(example)[0] == name
    assert options_of(shlex.split(example)).command == name


def test_a_shell_completes_commands_and_options(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["completion", "bash"]) == 0
    script = tmp_path / "completion.sh"
    script.write_text(capsys.readouterr().out, encoding="utf-8")
    typed = "COMP_WORDS=(promotebot {}); COMP_CWORD={}; _shtab_promotebot; echo ${{COMPREPLY[@]}}"
    lines = [f"source {script}", typed.format("rol", 1), typed.format("history --si", 2), typed.format("policy ex", 2)]
    done = subprocess.run(["bash", "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["rollback", "--since", "explain"]


@pytest.mark.parametrize("shell", ["zsh", "tcsh"])
def test_other_shells_get_a_script_too(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert "rollback" in capsys.readouterr().out


def test_no_plugin_of_another_package_changes_how_files_are_read(tmp_path: Path) -> None:
    plugin = tmp_path / "spy-1.dist-info"
    plugin.mkdir()
    (plugin / "METADATA").write_text("Metadata-Version: 2.1\nName: spy\nVersion: 1\n")
    (plugin / "entry_points.txt").write_text("[pydantic]\nspy = spy:plugin\n")
    (tmp_path / "spy.py").write_text("raise SystemExit('a plugin was loaded')\n")
    code = (
        f"import sys\nsys.path.append({str(tmp_path)!r})\n"
        "from promotebot.cli.main import main\nmain(['status', '--registry-path', 'nowhere'])\n"
        "from promotebot.registry.model import Pointer\n"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYDANTIC_")}
    run = partial(subprocess.run, capture_output=True, text=True, check=False, env=env)
    done = run([sys.executable, "-I", "-c", code])
    assert done.returncode == 0, done.stderr
    spied = run([sys.executable, "-I", "-c", code.replace("main(['status', '--registry-path', 'nowhere'])", "")])
    assert "a plugin was loaded" in spied.stderr


def test_what_a_process_of_its_own_loads_is_not_searched_for_garbage_again(
    tmp_path: Path,
) -> None:
    code = (
        "import atexit, gc, sys\nfrom promotebot.cli.main import main\n"
        "atexit.register(lambda: print(gc.isenabled(), gc.get_freeze_count() > 10_000))\n"
        "sys.argv[1:] = ['status', '--registry-path', 'nowhere']\nmain({})\n"
    )
    run = partial(subprocess.run, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert run([sys.executable, "-I", "-c", code.format("")]).stdout.split() == ["True", "True"]
    # Who calls it has garbage of its own.
    assert run([sys.executable, "-I", "-c", code.format("sys.argv[1:]")]).stdout.split() == ["True", "False"]
