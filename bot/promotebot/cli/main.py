"""Exit codes and the only error boundary: 0 ok · 1 refused · 2 usage · 3 internal · 4 could not verify.

Help and an event that is ignored must start at once: what they do not need is imported where it is used, the log too.
"""

from __future__ import annotations

import gc
import os
import sys

from promotebot.errors import PromotebotError

TYPE_CHECKING = False
if TYPE_CHECKING:  # type checkers read this as true, whatever is assigned; typing itself takes time to load
    import argparse
    import logging
    from collections.abc import Callable, Sequence
    from datetime import datetime


_NO_PLUGINS = {"PYDANTIC_DISABLE_PLUGINS": "__all__"}
"""No other package may change how files are read; looking for one that would takes a tenth of a command's time."""
_REPORT = "report it with the command you ran; PROMOTEBOT_DEBUG=1 shows where it happened"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command, or answer the event of a runner's job where no argument is given.

    Returns:
        The exit code. Nothing is raised for an error: it becomes a line on stderr and a code of its own.
    """
    arguments = _own_arguments() if argv is None else list(argv)
    _write_utf8()
    os.environ.update(_NO_PLUGINS)
    try:
        if not arguments and os.environ.get("GITHUB_EVENT_NAME"):
            return _answer_event()
        code = _carry_out(arguments)
        sys.stdout.flush()
        return code
    except PromotebotError as problem:
        return _failed(problem, arguments)
    except BrokenPipeError:
        _drop_output()
        return 0
    except OSError as problem:
        log = _log()
        log.error("error: %s", problem.strerror or problem)
        log.error("Next: check the disk, and the target of the output")
        _write_error(arguments, OSError.__name__, problem.strerror or str(problem), 4, "check the disk")
        _drop_output()
        return 4
    except KeyboardInterrupt:
        _log().error("stopped")
        return 130
    except Exception as problem:  # the one boundary: whatever it is, people get a sentence
        log = _log()
        message = f"{type(problem).__name__}: {_first_line(problem)}"
        log.error("internal error: %s", message)
        log.error("Next: %s", _REPORT)
        _write_error(arguments, "InternalError", message, 3, _REPORT)
        if os.environ.get("PROMOTEBOT_DEBUG"):
            log.exception("details")
        return 3


def _own_arguments() -> list[str]:
    """Return what this process was started with; it looks for no garbage until everything is loaded."""
    gc.disable()
    return sys.argv[1:]


def _answer_event() -> int:
    """Answer the event of a runner's job; what answers need takes a second to load, and most events get none."""
    from promotebot.action.first_look import answer_at_once
    from promotebot.environment import take_environment

    environment = take_environment()
    if answer_at_once(environment):
        return 0
    _log()
    from promotebot.action.ignored import answer_ignored

    is_answered, data = answer_ignored(environment)
    if is_answered:
        return 0
    from promotebot.action.run import run_action

    _keep_what_is_loaded()
    return run_action(environment, _now, data=data)


def _carry_out(arguments: Sequence[str]) -> int:
    """Run the command of a line, and return its exit code; what opens models loads the runtime beside all the rest."""
    from promotebot.cli.parser import opens_models

    if not opens_models(arguments):
        return _run(arguments)
    from promotebot.artifact import starting

    starting.start_early()
    try:
        return _run(arguments)
    finally:
        starting.end_early()


def _run(arguments: Sequence[str]) -> int:
    """Run a command, and return its exit code; below a failure of a registry's stands whom to call."""
    from promotebot.cli.parser import parse_line

    options = parse_line(arguments)
    _keep_what_is_loaded()
    _log()
    run: Callable[[argparse.Namespace, datetime], int] = options.run
    try:
        code = run(options, _now())
    except PromotebotError as problem:
        code = _failed(problem, options.arguments)
    if code in (1, 4):
        from promotebot.cli.contacts import log_contacts

        log_contacts(options)
    return code


def _keep_what_is_loaded() -> None:
    """Look for garbage in what is made from now on: in modules there is none, and looking takes a tenth of the time."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _failed(problem: PromotebotError, arguments: Sequence[str]) -> int:
    """Log an error with its place and remedy, and the line with what has to change in it; return its exit code."""
    from promotebot.cli.again import Typed

    _log().error("error: %s", Typed(tuple(arguments)).explained(problem))
    kind, remedy = type(problem).__name__, str(problem.remedy)
    _write_error(arguments, kind, problem.message, problem.exit_code, remedy, where=problem.where)
    return problem.exit_code


def _write_error(
    arguments: Sequence[str], kind: str, message: str, exit_code: int, remedy: str, *, where: str = ""
) -> None:
    """Print an error as JSON where the line asks for JSON: `schemas/error.schema.json`."""
    import json
    from contextlib import suppress

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
    from datetime import datetime, timezone

    return datetime.now(timezone.utc)


def _first_line(problem: BaseException) -> str:
    return (str(problem).splitlines() or [""])[0][:300]


def _write_utf8() -> None:
    """Write UTF-8 whatever the locale says."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _log() -> logging.Logger:
    """Return the log, which writes to the stderr of now."""
    from promotebot.cli.log import configured_log

    return configured_log()
