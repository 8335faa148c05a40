"""One job of the Action: environment and event file in, answer, outputs and step summary out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from promotebot.action.outputs import write_answer
from promotebot.action.result import Answer, Outcome
from promotebot.action.router import exit_code, respond
from promotebot.cost import Cost
from promotebot.environment import MAX_EVENT_BYTES
from promotebot.errors import PromotebotError, UsageError
from promotebot.gate.refusal import Reason
from promotebot.github.payloads import parse_event
from promotebot.github.server_time import ServerTime
from promotebot.planning.examiner import Examiner, keeping
from promotebot.pulls.context import JobContext
from promotebot.pulls.patience import Patience
from promotebot.registry.codec import parse_json
from promotebot.settings import Settings
from promotebot.storage.buckets import Buckets

if TYPE_CHECKING:
    from promotebot.github.ports import GitHub


def run_action(
    environment: Mapping[str, str],
    clock: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
    *,
    data: bytes | None = None,
) -> int:
    """Answer the event that this job was started for, and return the exit code.

    Args:
        sleep: waits so many seconds.
        data: the event's bytes; None to read them.

    Raises:
        PromotebotError: after it was written to the outputs; `cli.main` prints it.
    """
    settings, cost, now = Settings.from_env(environment), Cost(), ServerTime(clock)
    try:
        data = _read_event(settings.event_path) if data is None else data
        event = parse_event(settings.event_name, data)
        job = JobContext(
            settings,
            lambda: _connect(settings, cost, now),
            Examiner(store=Buckets(environment, cost)),
            now.now,
            _default_branch(data),
            cost=cost,
            patience=Patience(sleep),
        )
        with keeping(job.examine):  # one process for all the models that this job opens
            answer = respond(event, job)
    except PromotebotError as problem:
        write_answer(settings, Answer(Outcome.FAILED, Reason.COULD_NOT_VERIFY, str(problem)), cost)
        raise
    except Exception:
        write_answer(settings, Answer(Outcome.FAILED, Reason.INTERNAL, "internal error"), cost)
        raise
    write_answer(settings, answer, cost)
    return exit_code(event, answer, settings)


def _read_event(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_EVENT_BYTES + 1)
    except OSError as problem:
        raise UsageError(
            f"cannot read the event: {problem.strerror}",
            where="GITHUB_EVENT_PATH",
            remedy="run it as a step of a workflow",
        ) from None


def _default_branch(data: bytes) -> str:
    """Return the default branch as the payload tells it; empty where it does not."""
    document = parse_json(data, where="GITHUB_EVENT_PATH", max_bytes=MAX_EVENT_BYTES)
    repository = document.get("repository") if isinstance(document, dict) else None
    branch = repository.get("default_branch") if isinstance(repository, dict) else None
    return branch if isinstance(branch, str) else ""


def _connect(settings: Settings, cost: Cost, now: ServerTime) -> GitHub:
    from promotebot.github.scoped import connect  # PyGithub costs a quarter of a second; only answers pay it

    return connect(settings, cost=cost, now=now)
