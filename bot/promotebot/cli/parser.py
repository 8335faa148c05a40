"""The command line: the table of commands, and the parser that loads the module of the chosen one alone."""

from __future__ import annotations

import argparse
import os
import re
from importlib import import_module

from promotebot import __version__
from promotebot.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:  # type checkers read this as true, whatever is assigned; typing itself takes time to load
    from collections.abc import Collection, Mapping, Sequence
    from types import ModuleType

    from promotebot.remedies import Remedy

ACTOR = "ML_PROMOTION_ACTOR"
"""The variable that names who promotes, instead of git's user.email."""
HELP = {"-h", "--help"}


class Command:
    """One line of `promotebot --help`, and the module of this folder that has its `add_arguments` and `run`."""

    def __init__(self, module: str, help: str, example: str, *, opens: bool = False) -> None:  # noqa: A002 - argparse's
        self.module, self.help = module, help
        self.opens = opens
        """Whether it opens models, nearly always."""
        self.example = example
        """What follows `promotebot` in the example of its help."""


COMMANDS: Mapping[str, Command] = {
    "promote": Command(
        "promote",
        "promote an artifact on the work tree",
        "promote --dry-run --model regime_classifier --stage shadow --artifact-dir ml/artifacts/v2 --artifact-id v2",
        opens=True,
    ),
    "rollback": Command(
        "rollback",
        "return a stage to its last good artifact",
        'rollback --model regime_classifier --reason "incident #123" --branch rollback-123 --pr',
    ),
    "demote": Command(
        "demote",
        "empty a stage; the history keeps the event",
        'demote --model regime_classifier --stage staging --reason "not needed any more"',
    ),
    "reject": Command(
        "reject",
        "put an artifact into the policy's quarantine",
        'reject regime_classifier --artifact ml/artifacts/regime_v2 --reason "wrong labels"',
    ),
    "history": Command(
        "show", "what moved, when, by whom and why", "history --model regime_classifier --stage active -n 5"
    ),
    "show": Command("show", "what each stage of one model holds", "show --model regime_classifier"),
    "status": Command("show", "what each stage of every model holds", "status --stage active"),
    "verify": Command("verify", "verify the registry and every artifact it points to", "verify --base origin/main"),
    "gate": Command(
        "gate", "check that base → head is a sequence of valid promotions", "gate --base origin/main --head HEAD"
    ),
    "fetch": Command(
        "fetch",
        "copy the artifact that a stage holds, proven against its pointer",
        "fetch regime_classifier active --to deployed",
    ),
    "bundle": Command(
        "bundle",
        "write what a stage holds as a small file that proves itself",
        "bundle regime_classifier active --out regime.bundle.json",
    ),
    "deployed": Command(
        "deployed",
        "report that a service loaded a model, or could not load it",
        'deployed --state success --digest "$DIGEST"',
    ),
    "check": Command(
        "check", "examine artifacts before anybody promotes them", "check ml/artifacts/regime_v2", opens=True
    ),
    "manifest": Command(
        "manifest",
        "write an artifact's manifest",
        "manifest ml/artifacts/regime_v2 --model-file model.onnx --dataset-id market_data_2026_q1",
    ),
    "evidence": Command(
        "evidence",
        "write metrics that were measured of an artifact",
        "evidence ml/artifacts/regime_v2 --metric accuracy=0.93 --rows 12000",
    ),
    "import": Command("imports", "take over the registry of another tool", "import models.yaml --dry-run"),
    "init": Command("init", "create the registry, policy and workflows; overwrites nothing", "init --lfs"),
    "doctor": Command(
        "doctor", "check that the repository on GitHub is set up for promotions", "doctor --repo acme/models"
    ),
    "policy": Command("policy", "check a policy's file, or explain what it asks for", "policy check --against-history"),
    "schemas": Command("schemas", "write the JSON schemas of every file, or check them", "schemas --check"),
    "completion": Command("completion", "print the completion script for a shell", "completion bash"),
    "registry": Command("registry", "split, join or complete the registry; describe a model", "registry split"),
}


_EPILOG = """\
example:
  promotebot status
  promotebot COMMAND --help

exit codes:
  0 done · 1 refused · 2 wrong command line
  3 internal error · 4 could not be verified
"""


class _Parser(argparse.ArgumentParser):
    """Arguments whose errors go through the one boundary, with a next step, instead of ending the process."""

    def error(self, message: str) -> None:  # type: ignore[override]  # it never returns here either
        """Raise UsageError."""
        unknown = re.fullmatch(r"argument COMMAND: invalid choice: ('.*') \(choose from .*\)", message)
        missing = re.fullmatch(r"the following arguments are required: (.+)", message)
        remedy = _with_missing(self.prog.split()[-1], missing[1].split(", ")) if missing else None
        message = f"{unknown[1]} is no command" if unknown else message
        raise UsageError(message, where=self.prog, remedy=remedy or f"{self.prog} --help")


def _with_missing(command: str, missing: Sequence[str]) -> Remedy | None:
    """Return the line that was typed with what is missing in it; None where that is nothing that is known here."""
    if not {"--model", "--stage", "--reason"}.issuperset(missing):
        return None
    from promotebot.remedies import Remedy, again, choices, shell

    if "--model" in missing:
        return Remedy("see which models there are: ", shell("promotebot", "status"))
    # What is rejected stays in the policy with its reason, which the line alone would not tell.
    why = "what is wrong with it, incident #123" if command == "reject" else f"{command} requested at a terminal"
    reason = {"reason": why} if "--reason" in missing else {}
    if "--stage" in missing:
        return choices("name the stage", [again(stage=stage, **reason) for stage in ("shadow", "staging", "active")])
    return Remedy("say why, such as: ", again(**reason))


def opens_models(arguments: Sequence[str]) -> bool:
    """Return whether a line probably opens models."""
    chosen = COMMANDS.get(arguments[0]) if arguments else None
    return chosen is not None and chosen.opens and HELP.isdisjoint(arguments)


def parse_line(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of a line.

    Raises:
        UsageError: with the line that was probably meant, where one is near.
    """
    parser = _parser(arguments)
    try:
        return parser.parse_args(arguments, _given(arguments, os.environ))
    except UsageError as problem:
        from promotebot.cli.slips import meant_line

        modules = {name: command.module for name, command in COMMANDS.items()}
        problem.remedy = meant_line(arguments, modules, options_of) or problem.remedy
        raise


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of a line as it stands; raise UsageError where it is none."""
    return _parser(arguments).parse_args(arguments, _given(arguments, os.environ))


def _given(arguments: Sequence[str], environment: Mapping[str, str]) -> argparse.Namespace:
    """Return the options that no flag sets: `actor`, empty where the environment names nobody; what was given."""
    actor = environment.get(ACTOR, "").strip()
    return argparse.Namespace(actor=actor, environment=environment, arguments=tuple(arguments))


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of one command line: every command's name and help, and the options of the chosen one.

    Only the chosen command's module is imported: git, pydantic and a terminal's tables take longer to load than a help
    text to print. No option before the command takes a value, so the command is the first word that is no flag.
    """
    chosen = next((argument for argument in arguments if not argument.startswith("-")), None)
    return _parser_with([chosen] if chosen else [])


def full_parser() -> argparse.ArgumentParser:
    """Return the parser with the options of every command, whose modules are all imported."""
    return _parser_with([*COMMANDS])


def _parser_with(loaded: Collection[str]) -> argparse.ArgumentParser:
    as_written = argparse.RawDescriptionHelpFormatter
    parser = _Parser(
        prog="promotebot",
        description="Promote ML models through pull requests.",
        epilog=_EPILOG,
        formatter_class=as_written,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"promotebot {__version__}")
    unread = _Parser(prog="promotebot", add_help=False)  # of what is only listed; a parser of its own takes time
    commands = parser.add_subparsers(  # type: ignore[call-overload]  # whatever makes one will do
        title="commands",
        required=True,
        metavar="COMMAND",
        parser_class=lambda **options: _Parser(**options) if options["epilog"] else unread,
    )
    for name, command in COMMANDS.items():
        example = f"example:\n  promotebot {command.example}" if name in loaded else ""
        subparser = commands.add_parser(
            name, help=command.help, epilog=example, formatter_class=as_written, allow_abbrev=False
        )
        if name in loaded:
            module = _module(command.module)
            subparser.set_defaults(command=name, run=module.run)
            module.add_arguments(subparser)
    return parser


def _module(name: str) -> ModuleType:
    """Return a command's module. Raises UsageError where it needs git, and git is not there."""
    try:
        return import_module(f"promotebot.cli.{name}")
    except ImportError as problem:  # GitPython looks for git when it is imported
        if "git executable" not in str(problem):
            raise
        raise UsageError("git is not installed here", remedy="install git, or put it on the PATH") from None
