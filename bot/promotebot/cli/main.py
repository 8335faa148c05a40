"""Arguments, exit codes and the only error boundary: 0 ok · 1 refused · 2 usage · 3 internal · 4 could not verify."""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import import_module

from promotebot import __version__
from promotebot.errors import PromotebotError, UsageError
from promotebot.remedies import Remedy, again, choices, shell

log = logging.getLogger("promotebot")
ACTOR = "ML_PROMOTION_ACTOR"
"""The variable that names who promotes, instead of git's user.email."""


@dataclass(frozen=True)
class Command:
    """One line of `promotebot --help`, and the module of this folder that has its `add_arguments` and `run`."""

    module: str
    help: str
    example: str
    """What follows `promotebot` in the example of its help."""


COMMANDS: Mapping[str, Command] = {
    "promote": Command(
        "promote",
        "promote an artifact on the work tree",
        "promote --dry-run --model regime_classifier --stage shadow --artifact-dir ml/artifacts/v2 --artifact-id v2",
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
    "check": Command("check", "examine artifacts before anybody promotes them", "check ml/artifacts/regime_v2"),
    "manifest": Command(
        "manifest",
        "write an artifact's manifest",
        "manifest ml/artifacts/regime_v2 --model-file model.onnx --dataset-id market_data_2026_q1",
    ),
    "import": Command("imports", "take over the registry of another tool", "import models.yaml --dry-run"),
    "init": Command("init", "create the registry, policy and workflows; overwrites nothing", "init --lfs"),
    "doctor": Command(
        "doctor", "check that the repository on GitHub is set up for promotions", "doctor --repo acme/models"
    ),
    "policy": Command("policy", "check a policy's file, or explain what it asks for", "policy check --against-history"),
    "schemas": Command("schemas", "write the JSON schemas of every file, or check them", "schemas --check"),
    "completion": Command("completion", "print the completion script for a shell", "completion bash"),
    "registry": Command("registry", "one file for all models or for each; complete older ones", "registry split"),
}


_REPORT = "report it with the command you ran; PROMOTEBOT_DEBUG=1 shows where it happened"
_EPILOG = """\
example:
  promotebot status
  promotebot COMMAND --help

exit codes: 0 done · 1 refused · 2 wrong command line · 3 internal error · 4 could not be verified
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command, or answer the event of a runner's job where no argument is given.

    Returns:
        The exit code. Nothing is raised for an error: it becomes a line on stderr and a code of its own.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    _configure_streams()
    try:
        if not arguments and os.environ.get("GITHUB_EVENT_NAME"):
            return _answer_event()
        code = _carry_out(_parsed(arguments))
        sys.stdout.flush()
        return code
    except PromotebotError as problem:
        return _failed(problem, arguments)
    except BrokenPipeError:
        _drop_output()
        return 0
    except OSError as problem:
        log.error("error: %s", problem.strerror or problem)
        log.error("Next: check the disk, and the target of the output")
        _write_error(arguments, OSError.__name__, problem.strerror or str(problem), 4, "check the disk")
        _drop_output()
        return 4
    except KeyboardInterrupt:
        log.error("stopped")
        return 130
    except Exception as problem:  # the one boundary: whatever it is, people get a sentence
        message = f"{type(problem).__name__}: {_first_line(problem)}"
        log.error("internal error: %s", message)
        log.error("Next: %s", _REPORT)
        _write_error(arguments, "InternalError", message, 3, _REPORT)
        if os.environ.get("PROMOTEBOT_DEBUG"):
            log.exception("details")
        return 3


def _answer_event() -> int:
    """Answer the event of a runner's job; what answers need takes a second to load, and most events get none."""
    from promotebot.action.ignored import answer_ignored
    from promotebot.settings import take_environment

    environment = take_environment()
    is_answered, data = answer_ignored(environment)
    if is_answered:
        return 0
    from promotebot.action.run import run_action

    return run_action(environment, _now, data=data)


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of a line. Raises UsageError, with the line that was probably meant where one is near."""
    try:
        return _options(arguments)
    except UsageError as problem:
        from promotebot.cli.slips import meant_line

        modules = {name: command.module for name, command in COMMANDS.items()}
        problem.remedy = meant_line(arguments, modules, _options) or problem.remedy
        raise


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    return _parser(arguments).parse_args(arguments, _given(arguments, os.environ))


def _carry_out(options: argparse.Namespace) -> int:
    """Run the command and return its exit code; below a failure of a registry's stands whom to call."""
    run: Callable[[argparse.Namespace, datetime], int] = options.run
    try:
        code = run(options, _now())
    except PromotebotError as problem:
        code = _failed(problem, options.arguments)
    if code in (1, 4):
        from promotebot.cli.contacts import log_contacts

        log_contacts(options)
    return code


def _failed(problem: PromotebotError, arguments: Sequence[str]) -> int:
    """Log an error with its place and remedy, and the line with what has to change in it; return its exit code."""
    from promotebot.cli.again import Typed

    log.error("error: %s", Typed(tuple(arguments)).explained(problem))
    kind, remedy = type(problem).__name__, str(problem.remedy)
    _write_error(arguments, kind, problem.message, problem.exit_code, remedy, where=problem.where)
    return problem.exit_code


def _write_error(
    arguments: Sequence[str], kind: str, message: str, exit_code: int, remedy: str, *, where: str = ""
) -> None:
    """Print an error as JSON where the line asks for JSON: `schemas/error.schema.json`."""
    import json

    from promotebot.cli.again import Typed

    if Typed(tuple(arguments)).format != "json":
        return
    error = {"kind": kind, "message": message, "where": where, "remedy": remedy, "exit_code": exit_code}
    with suppress(OSError, ValueError):  # the output itself may be what fails
        sys.stdout.write(json.dumps({"schema_version": "v1", "error": error}, indent=2, ensure_ascii=False) + "\n")


def _drop_output() -> None:
    """Send stdout nowhere, so that the interpreter does not print its rest again when it ends, and fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _first_line(problem: BaseException) -> str:
    return (str(problem).splitlines() or [""])[0][:300]


def _given(arguments: Sequence[str], environment: Mapping[str, str]) -> argparse.Namespace:
    """Return the options that no flag sets: `actor`, empty where the environment names nobody; what was given."""
    actor = environment.get(ACTOR, "").strip()
    return argparse.Namespace(actor=actor, environment=environment, arguments=tuple(arguments))


def _configure_streams() -> None:
    """Write UTF-8 whatever the locale says, and the log to stderr, in lines that are no commands to a runner."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_RunnerFormatter() if os.environ.get("GITHUB_EVENT_NAME") else logging.Formatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("promotebot").setLevel(logging.INFO)


class _RunnerFormatter(logging.Formatter):
    """Log lines that a runner cannot take for workflow commands, whatever people wrote into them.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line with what starts a workflow command made harmless."""
        from promotebot.action.outputs import log_safe

        return log_safe(super().format(record))


class _Parser(argparse.ArgumentParser):
    """Arguments whose errors go through the one boundary, with a next step, instead of ending the process."""

    def error(self, message: str) -> None:  # type: ignore[override]  # it never returns here either
        """Raise UsageError."""
        missing = re.fullmatch(r"the following arguments are required: (.+)", message)
        remedy = _with_missing(self.prog.split()[-1], missing[1].split(", ")) if missing else None
        raise UsageError(message, where=self.prog, remedy=remedy or f"{self.prog} --help")


def _with_missing(command: str, missing: Sequence[str]) -> Remedy | None:
    """Return the line that was typed with what is missing in it; None where that is nothing that is known here."""
    if not {"--model", "--stage", "--reason"}.issuperset(missing):
        return None
    if "--model" in missing:
        return Remedy("see which models there are: ", shell("promotebot", "status"))
    reason = {"reason": f"{command} requested at a terminal"} if "--reason" in missing else {}
    if "--stage" in missing:
        return choices("name the stage", [again(stage=stage, **reason) for stage in ("shadow", "staging", "active")])
    return Remedy("say why, such as: ", again(**reason))


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
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        example = f"example:\n  promotebot {command.example}"
        subparser = commands.add_parser(
            name, help=command.help, epilog=example, formatter_class=as_written, allow_abbrev=False
        )
        if name in loaded:
            module = import_module(f"promotebot.cli.{command.module}")
            subparser.set_defaults(command=name, run=module.run)
            module.add_arguments(subparser)
    return parser
