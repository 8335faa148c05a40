"""Arguments, exit codes and the only error boundary: 0 ok · 1 refused · 2 usage · 3 internal · 4 could not verify."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path

from promotebot import __version__
from promotebot.errors import PromotebotError, UsageError

log = logging.getLogger("promotebot")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; every way it can end is an exit code and, when it failed, a line on stderr."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _configure_streams()
    try:
        if not arguments and os.environ.get("GITHUB_EVENT_NAME"):
            from promotebot.action.run import run_action

            return run_action(os.environ, _now)
        options = _parser().parse_args(arguments)
        command: Callable[[argparse.Namespace], int] = options.command
        code = command(options)
        sys.stdout.flush()
        return code
    except PromotebotError as problem:
        log.error("error: %s", problem)
        return problem.exit_code
    except BrokenPipeError:
        _drop_output()
        return 0
    except OSError as problem:
        log.error("error: %s", problem.strerror or problem)
        log.error("Next: check the disk, and where the output goes")
        _drop_output()
        return 4
    except KeyboardInterrupt:
        log.error("stopped")
        return 130
    except Exception as problem:  # the one boundary: whatever it is, people get a sentence
        log.error("internal error: %s: %s", type(problem).__name__, _first_line(problem))
        log.error("Next: report it with the command you ran; PROMOTEBOT_DEBUG=1 shows where it happened")
        if os.environ.get("PROMOTEBOT_DEBUG"):
            log.exception("details")
        return 3


def _drop_output() -> None:
    """What could not be printed is not tried again when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _first_line(problem: BaseException) -> str:
    return (str(problem).splitlines() or [""])[0][:300]


def _configure_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_RunnerFormatter() if os.environ.get("GITHUB_EVENT_NAME") else logging.Formatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("promotebot").setLevel(logging.INFO)


_Commands = argparse._SubParsersAction  # argparse gives this type no public name


class _RunnerFormatter(logging.Formatter):
    """On a runner a log line can be a command to it; what people wrote must not be."""

    def format(self, record: logging.LogRecord) -> str:
        from promotebot.action.outputs import log_safe

        return log_safe(super().format(record))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]  # it never returns here either
        raise UsageError(message, where=self.prog, remedy=f"{self.prog} --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="promotebot", description="Promote ML models through pull requests.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"promotebot {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_promote(commands)
    _add_rollback(commands)
    _add_demote(commands)
    _add_reading(commands)
    _add_verify(commands)
    _add_gate(commands)
    _add_authoring(commands)
    _add_layout(commands)
    return parser


def _add_promote(commands: _Commands[_Parser]) -> None:
    parser = commands.add_parser("promote", help="promote an artifact on the work tree", allow_abbrev=False)
    parser.add_argument("--model", required=True, help="the model's name in the registry")
    parser.add_argument("--stage", required=True, help="shadow, staging or active")
    parser.add_argument("--artifact-dir", required=True, help="relative to the repository root")
    parser.add_argument("--artifact-id", required=True, help="a name people recognise, such as regime_v2_prod")
    parser.add_argument("--dataset-id", help="the training dataset; required for active")
    parser.add_argument("--git-sha", help="the 40-digit commit of the training code; required for active")
    parser.add_argument("--reason", help="why now; required for a rollback")
    parser.add_argument("--notes")
    parser.add_argument("--new-model", action="store_true", help="add a model that the registry does not know")
    _add_move(parser)
    parser.set_defaults(command=_promote)


def _add_rollback(commands: _Commands[_Parser]) -> None:
    parser = commands.add_parser("rollback", help="back to the last good pointer of a stage", allow_abbrev=False)
    parser.add_argument("--model", required=True)
    parser.add_argument("--stage", default="active", help="the stage to roll back (active)")
    parser.add_argument("--to", help="the artifact id to go back to, instead of the last good one")
    parser.add_argument("--reason", required=True, help="why, such as the incident's number")
    parser.add_argument("--notes")
    _add_move(parser)
    parser.set_defaults(command=_rollback)


def _add_demote(commands: _Commands[_Parser]) -> None:
    parser = commands.add_parser("demote", help="clear a stage, with an event", allow_abbrev=False)
    parser.add_argument("--model", required=True)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--reason", required=True)
    parser.add_argument("--notes")
    _add_move(parser)
    parser.set_defaults(command=_demote)


def _add_move(parser: argparse.ArgumentParser) -> None:
    """What every command that writes the registry has in common."""
    parser.add_argument("--dry-run", action="store_true", help="print the diff, write nothing")
    parser.add_argument("--allow-dirty", action="store_true", help="go on although the work tree is not clean")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="the diff, or the plan as JSON")
    parser.add_argument("--commit", action="store_true", help="commit the registry and nothing else")
    parser.add_argument("--branch", metavar="NAME", help="commit on a new branch (implies --commit)")
    parser.add_argument("--push", action="store_true", help="push that branch to origin (implies --commit)")
    parser.add_argument("--datasets-dir", help="where datasets stand (ml/datasets), verified for active")
    _add_place(parser, "--registry-path")


def _add_reading(commands: _Commands[_Parser]) -> None:
    history = commands.add_parser("history", help="what moved, when, by whom and why", allow_abbrev=False)
    history.add_argument("--model", help="one model; all without it")
    history.add_argument("--stage", help="only what went to this stage or left it")
    history.add_argument("-n", "--limit", type=int, metavar="N", help="the newest N events of each model")
    show = commands.add_parser("show", help="what stands in each stage of one model", allow_abbrev=False)
    show.add_argument("--model", required=True)
    status = commands.add_parser("status", help="what stands in each stage of every model", allow_abbrev=False)
    for parser, name in ((history, "history"), (show, "show"), (status, "status")):
        parser.add_argument("--format", choices=("text", "json"), default="text")
        _add_place(parser, "--registry-path")
        parser.set_defaults(command=_read, read=name)


def _add_verify(commands: _Commands[_Parser]) -> None:
    parser = commands.add_parser(
        "verify", help="prove the registry and every artifact it points to", allow_abbrev=False
    )
    parser.add_argument("--model", action="append", metavar="NAME", help="only this model; may be given again")
    parser.add_argument("--since", metavar="REV", help="only models that are not what they were at this revision")
    parser.add_argument("--base", metavar="REV", help="history must only have grown since this revision")
    parser.add_argument("--shard", metavar="I/N", help="only every N-th model, starting with the I-th")
    parser.add_argument("--merge", nargs="+", metavar="FILE", help="put the JSON reports of all shards together")
    parser.add_argument("--format", choices=("text", "json", "sarif", "junit"), default="text")
    parser.add_argument("--datasets-dir", help="where datasets stand (ml/datasets)")
    _add_place(parser, "--path")
    parser.set_defaults(command=_verify)


def _add_gate(commands: _Commands[_Parser]) -> None:
    parser = commands.add_parser("gate", help="is base → head a sequence of legal promotions?", allow_abbrev=False)
    parser.add_argument("--base", required=True, help="the revision to trust")
    parser.add_argument("--head", default="HEAD", help="the revision to judge (HEAD)")
    _add_place(parser, "--registry-path")
    parser.set_defaults(command=_gate)


def _add_authoring(commands: _Commands[_Parser]) -> None:
    parser = commands.add_parser("manifest", help="write an artifact's manifest", allow_abbrev=False)
    parser.add_argument("directory", type=Path, metavar="DIR")
    parser.add_argument("--model-file", help="the model among the directory's files")
    parser.add_argument("--model", help="the model's name in the registry")
    parser.add_argument("--git-sha", help="the 40-digit commit of the training code")
    parser.add_argument("--dataset-id", help="the training dataset")
    parser.add_argument("--notes")
    parser.set_defaults(command=_manifest)
    parser = commands.add_parser("init", help="lay registry and policy into a repository; overwrites nothing")
    parser.add_argument("--base-dir", help="the repository (the one around this directory)")
    parser.add_argument("--action", metavar="OWNER/NAME@COMMIT", help="the action that the workflows use, pinned")
    parser.set_defaults(command=_init)
    parser = commands.add_parser("schemas", help="write the JSON schemas of every file, or check them")
    parser.add_argument("directory", type=Path, nargs="?", default=Path("schemas"), metavar="DIR")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.set_defaults(command=_schemas)


def _add_layout(commands: _Commands[_Parser]) -> None:
    parser = commands.add_parser("registry", help="one file for all models, or one for each", allow_abbrev=False)
    parser.add_argument("layout", choices=("split", "join"), help="split: one file per model; join: all in one")
    _add_place(parser, "--registry-path")
    parser.set_defaults(command=_layout)


def _add_place(parser: argparse.ArgumentParser, registry_flag: str) -> None:
    flags = dict.fromkeys((registry_flag, "--registry-path"))
    parser.add_argument(*flags, dest="registry", help="the registry (ml/registry/models.json)")
    parser.add_argument("--base-dir", help="the repository root that artifact paths start from")


def _promote(options: argparse.Namespace) -> int:
    from promotebot.cli.promote import promote

    return promote(options, os.environ, _now())


def _rollback(options: argparse.Namespace) -> int:
    from promotebot.cli.promote import rollback

    return rollback(options, os.environ, _now())


def _demote(options: argparse.Namespace) -> int:
    from promotebot.cli.promote import demote

    return demote(options, os.environ, _now())


def _read(options: argparse.Namespace) -> int:
    from promotebot.cli.show import read

    return read(options)


def _verify(options: argparse.Namespace) -> int:
    from promotebot.cli.verify import verify_command

    return verify_command(options, _now())


def _gate(options: argparse.Namespace) -> int:
    from promotebot.cli.gate import gate

    return gate(options, _now())


def _manifest(options: argparse.Namespace) -> int:
    from promotebot.cli.manifest import manifest

    return manifest(options, _now())


def _init(options: argparse.Namespace) -> int:
    from promotebot.cli.init import init

    return init(options, _now())


def _schemas(options: argparse.Namespace) -> int:
    from promotebot.cli.schemas import schemas

    return schemas(options)


def _layout(options: argparse.Namespace) -> int:
    from promotebot.cli.registry import convert

    return convert(options, _now())
